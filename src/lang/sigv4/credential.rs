//! What a signer says it signs with: `{access key id}/{date}/{region}/{service}/{terminator}`.

use super::SigV4Error;

/// A credential, kept as the one text it came as: the string to sign has all of it behind the first slash.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credential {
    text: String,
    slashes: [usize; 4],
}

impl Credential {
    /// Takes a credential apart, which must have five elements.
    pub(super) fn parse(text: &str) -> Result<Self, SigV4Error> {
        let malformed = || SigV4Error::MalformedCredential(text.to_owned());
        let mut found = memchr::memchr_iter(b'/', text.as_bytes());
        let mut slashes = [0; 4];
        for slash in &mut slashes {
            *slash = found.next().ok_or_else(malformed)?;
        }
        match found.next() {
            Some(_) => Err(malformed()),
            None => Ok(Self {
                text: text.to_owned(),
                slashes,
            }),
        }
    }

    pub(super) fn access_key_id(&self) -> &str {
        let [end, ..] = self.slashes;
        self.text.get(..end).unwrap_or_default()
    }

    /// The day, `YYYYMMDD` in one that is good.
    pub(super) fn date(&self) -> &str {
        let [start, end, ..] = self.slashes;
        self.between(start, end)
    }

    pub(super) fn region(&self) -> &str {
        let [_, start, end, _] = self.slashes;
        self.between(start, end)
    }

    pub(super) fn service(&self) -> &str {
        let [_, _, start, end] = self.slashes;
        self.between(start, end)
    }

    pub(super) fn terminator(&self) -> &str {
        let [.., start] = self.slashes;
        self.between(start, self.text.len())
    }

    /// Everything but the access key id: the credential scope.
    pub(super) fn scope(&self) -> &str {
        let [start, ..] = self.slashes;
        self.between(start, self.text.len())
    }

    /// What stands behind one slash and before the other.
    fn between(&self, slash: usize, end: usize) -> &str {
        self.text.get(slash + 1..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_five_elements() {
        let read = Credential::parse("AKIA/20150830/eu-central-1/execute-api/aws4_request");
        let read = read.unwrap();
        assert_eq!(read.access_key_id(), "AKIA");
        assert_eq!(read.date(), "20150830");
        assert_eq!(read.region(), "eu-central-1");
        assert_eq!(read.service(), "execute-api");
        assert_eq!(read.terminator(), "aws4_request");
        assert_eq!(
            read.scope(),
            "20150830/eu-central-1/execute-api/aws4_request"
        );
        let empty = Credential::parse("////").unwrap();
        assert_eq!((empty.access_key_id(), empty.scope()), ("", "///"));
        assert_eq!((empty.date(), empty.terminator()), ("", ""));
        for text in ["", "a/b/c/d", "a/b/c/d/e/f", "/////"] {
            let refused = SigV4Error::MalformedCredential(text.to_owned());
            assert_eq!(Credential::parse(text).err(), Some(refused), "{text}");
        }
    }
}
