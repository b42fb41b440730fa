//! Integration URIs of private backends, and the targets that stand for them.
//!
//! Sources: developer guide, "Create private integrations for HTTP APIs"; service authorization reference, "Elastic Load
//! Balancing V2" and "AWS Cloud Map", for the forms of ARNs. Targets are ours.

use std::fmt;

use http::uri::Authority;
use url::form_urlencoded;

/// AWS: what an HTTP API answers where the URI of a private backend is none (reported).
pub const NEEDED: &str = "For VpcLink VPC_LINK, integration uri should be a valid ELB listener ARN or a valid Cloud Map service ARN.";

/// What an HTTP API calls behind a VPC link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateUri {
    /// The ARN of a load balancer's listener, or of a Cloud Map service.
    pub arn: String,
    /// Attributes that a service's instances must have, in the order of their names.
    pub filters: Vec<(String, String)>,
}

impl PrivateUri {
    /// Reads one, e.g. `arn:aws:servicediscovery:eu-central-1:111122223333:service/srv-7?slot=green`; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (arn, query) = match text.split_once('?') {
            Some((arn, query)) => (arn, Some(query)),
            None => (text, None),
        };
        let mut parts = arn.splitn(6, ':');
        let ("arn", partition, service) = (parts.next()?, parts.next()?, parts.next()?) else {
            return None;
        };
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let word = |text: &str| {
            let fits =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            !text.is_empty() && text.bytes().all(fits)
        };
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let resource: Vec<&str> = resource.split('/').collect();
        let known = match (service, resource.as_slice()) {
            // AWS: listeners have no attributes.
            ("elasticloadbalancing", ["listener", "app" | "net", name, balancer, listener]) => {
                query.is_none()
                    && [name, balancer, listener]
                        .into_iter()
                        .all(|part| word(part))
            }
            ("servicediscovery", ["service", id]) => word(id),
            _ => false,
        };
        if !known || !digits || !word(partition) || !word(region) {
            return None;
        }
        Some(Self {
            arn: arn.to_owned(),
            filters: pairs(query.unwrap_or_default()),
        })
    }
}

impl fmt::Display for PrivateUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)?;
        for (place, (name, value)) in self.filters.iter().enumerate() {
            let between = if place == 0 { '?' } else { '&' };
            write!(f, "{between}{name}={value}")?;
        }
        Ok(())
    }
}

/// One target, e.g. `10.0.0.5:8080`, or `10.0.0.5:8080?slot=green` with an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateTarget {
    /// Host and port.
    pub authority: Authority,
    /// Attributes, in the order of their names.
    pub attributes: Vec<(String, String)>,
}

impl PrivateTarget {
    /// Reads one; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (authority, query) = text.split_once('?').unwrap_or((text, ""));
        let authority: Authority = authority.parse().ok()?;
        let plain = !authority.as_str().contains('@') && !authority.host().is_empty();
        (plain && authority.port_u16().is_some_and(|port| port > 0)).then(|| Self {
            authority,
            attributes: pairs(query),
        })
    }

    /// Whether it has every attribute that is asked for.
    pub fn fits(&self, filters: &[(String, String)]) -> bool {
        filters.iter().all(|asked| self.attributes.contains(asked))
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    pairs.sort();
    pairs.dedup();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/inner/50dc6c495c0c9188/f2f7dc8efc522ab2";
    const SERVICE: &str = "arn:aws:servicediscovery:eu-central-1:111122223333:service/srv-7";

    #[test]
    fn listeners_and_services_are_private_backends() {
        let check = |text: &str, arn: &str, shown: &str| {
            let uri = PrivateUri::parse(text).expect(text);
            assert_eq!((&*uri.arn, uri.to_string()), (arn, shown.to_owned()));
        };
        check(LISTENER, LISTENER, LISTENER);
        let network = LISTENER
            .replace("/app/", "/net/")
            .replace("arn:aws:", "arn:aws-cn:");
        check(&network, &network, &network);
        check(SERVICE, SERVICE, SERVICE);
        check(&format!("{SERVICE}?"), SERVICE, SERVICE);
        let sorted = format!("{SERVICE}?slot=green&zone=a");
        check(
            &format!("{SERVICE}?zone=a&slot=green&zone=a"),
            SERVICE,
            &sorted,
        );
    }

    #[test]
    fn nothing_else_is() {
        let others = [
            "",
            "http://127.0.0.1/",
            "arn:aws:lambda:eu-central-1:111122223333:function:f",
            "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/inner/50dc6c495c0c9188",
            "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/inner/50dc6c495c0c9188",
            "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/gwy/inner/5/f",
            "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/inner/5",
            "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app//5/f",
            "arn:aws:elasticloadbalancing::111122223333:listener/app/inner/5/f",
            "arn:aws:servicediscovery:eu-central-1:111122223333:namespace/ns-7",
            "arn:aws:servicediscovery:eu-central-1:1111:service/srv-7",
            "arn:aws:servicediscovery:eu-central-1:111122223333:service/",
            "arn:aws:servicediscovery:eu-central-1:111122223333:service/srv-7/x",
        ];
        for text in others {
            assert_eq!(PrivateUri::parse(text), None, "{text}");
        }
        assert_eq!(PrivateUri::parse(&format!("{LISTENER}?a=b")), None);
    }

    #[test]
    fn targets_have_a_port_and_may_have_attributes() {
        let target = |text: &str| PrivateTarget::parse(text);
        let green = target("10.0.0.5:8080?zone=a&slot=gr%65en").unwrap();
        assert_eq!(green.authority.as_str(), "10.0.0.5:8080");
        let asked = |text: &str| {
            PrivateUri::parse(&format!("{SERVICE}{text}"))
                .unwrap()
                .filters
        };
        for (filters, fits) in [
            ("", true),
            ("?slot=green", true),
            ("?slot=green&zone=a", true),
            ("?slot=blue", false),
            ("?slot=green&zone=b", false),
            ("?Slot=green", false),
        ] {
            assert_eq!(green.fits(&asked(filters)), fits, "{filters}");
        }
        assert!(target("[::1]:80").is_some() && target("a.example:65535").is_some());
        for text in [
            "", "a", "a:", "a:0", "a:65536", ":80", "u@a:80", "a:80/x", "a b:80",
        ] {
            assert_eq!(target(text), None, "{text}");
        }
    }
}
