//! The kinds of resources, and what tells them apart on the wire.

use crate::definition::Resource;

use super::view::Path;
use super::wire::Call;

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `VpcLink`.
    VpcLink,
}

/// What there is to know of a kind.
pub(super) struct Facts {
    /// What error messages and `resourceType` call it.
    pub(super) noun: &'static str,
    /// The last segment of its collection.
    pub(super) collection: &'static str,
    /// The member that holds its id; in templates of paths too.
    pub(super) id: &'static str,
    /// Characters of an id that the gateway makes.
    pub(super) id_length: usize,
    /// The table that checks it.
    pub(super) resource: Resource,
    /// Members that can be changed; none means all.
    pub(super) mutable: &'static [&'static str],
}

impl Kind {
    /// What there is to know of it.
    pub(super) fn facts(self) -> Facts {
        match self {
            Self::VpcLink => Facts {
                noun: "VpcLink",
                collection: "vpclinks",
                id: "vpcLinkId",
                id_length: 6,
                resource: Resource::VpcLink,
                mutable: &["name"],
            },
        }
    }

    /// The collection that a call's path leads to or into.
    pub(super) fn collection(self, _call: &Call) -> String {
        self.facts().collection.to_owned()
    }

    /// The resource that a call's path leads to.
    pub(super) fn path(self, call: &Call) -> Path {
        Path::new(self.collection(call), call.id(self.facts().id))
    }
}
