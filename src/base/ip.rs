//! Addresses as text. Every request writes some, so the formatter is left out of it where it can be.

use std::fmt::Write as _;
use std::net::IpAddr;

/// Room for most addresses, in bytes.
const TEXT_BYTES: usize = 16;

/// An address as the standard library writes it.
pub fn ip_text(address: IpAddr) -> String {
    let mut text = String::with_capacity(TEXT_BYTES);
    push_ip(address, &mut text);
    text
}

/// Adds an address as the standard library writes it.
pub fn push_ip(address: IpAddr, text: &mut String) {
    let address = match address {
        IpAddr::V4(address) => address,
        // Writing to a string cannot fail.
        IpAddr::V6(address) => return write!(text, "{address}").unwrap_or_default(),
    };
    for (position, octet) in address.octets().into_iter().enumerate() {
        if position > 0 {
            text.push('.');
        }
        for power in [100, 10, 1] {
            if octet >= power || power == 1 {
                text.push(char::from(b'0' + octet / power % 10));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "10.20.30.40",
            "255.100.99.9",
            "::1",
            "2001:db8::ff:1",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(ip_text(address), text);
        }
    }
}
