//! VPC links.

use super::super::shape::{Form, Object, Shape, formed, optional, refused, text};
use super::{READ_ONLY, TAGS};

/// One VPC link (API Gateway V2 API Reference, VpcLink).
pub(in super::super) static VPC_LINK: Object = Object {
    name: "VpcLink",
    doc: "A way into a private network, which integrations name; where it leads, `server.upstreams` says.",
    kind: None,
    fields: &[
        optional("name", &text(1, 128), "The name; the key when absent."),
        optional(
            "subnetIds",
            &Shape::List {
                item: &IDENTIFIER,
                min: 1,
                max: 10,
                or_one: false,
            },
            "Ids of subnets, which nothing here looks up.",
        ),
        optional(
            "securityGroupIds",
            &Shape::List {
                item: &IDENTIFIER,
                min: 0,
                max: 10,
                or_one: false,
            },
            "Ids of security groups, which nothing here looks up.",
        ),
        optional("tags", &TAGS, "Tags."),
        refused("vpcLinkId", READ_ONLY),
        refused("createdDate", READ_ONLY),
        refused("vpcLinkStatus", READ_ONLY),
        refused("vpcLinkStatusMessage", READ_ONLY),
        refused("vpcLinkVersion", READ_ONLY),
    ],
};

/// Ids of another service, which nothing here looks up.
const IDENTIFIER: Shape = formed(
    1,
    128,
    Form::Pattern("^[A-Za-z0-9-]+$", "an id of letters, digits and `-`"),
);
