//! A list of addresses and networks, as configurations write them: `127.0.0.1, 10.0.0.0/8, fd00::/8`.

use std::net::{IpAddr, Ipv6Addr};

/// Some networks; an address is a network of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

/// The leading bits of an address; those of IPv4 stand in their place within IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    bits: u128,
    prefix: u32,
}

impl Networks {
    /// The error is the entry that is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let networks = entries.map(|entry| Network::read(entry).ok_or_else(|| entry.to_string()));
        networks.collect::<Result<_, _>>().map(Networks)
    }

    pub fn contain(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|network| mask(bits, network.prefix) == network.bits)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Network {
    fn read(entry: &str) -> Option<Self> {
        let (address, prefix) = match entry.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (entry, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (longest, before) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then(|| Network {
            bits: mask(bits(address), before + prefix),
            prefix: before + prefix,
        })
    }
}

fn bits(address: IpAddr) -> u128 {
    let address: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    address.to_bits()
}

fn mask(bits: u128, prefix: u32) -> u128 {
    bits & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_network_or_not() {
        let networks = Networks::read("127.0.0.1, 10.0.0.0/8,fd00::/8").unwrap();
        for (address, is_in) in [
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("10.200.3.4", true),
            ("::ffff:10.200.3.4", true),
            ("11.0.0.1", false),
            ("fd12::1", true),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(networks.contain(address.parse().unwrap()), is_in, "{address}");
        }
        assert!(Networks::read("0.0.0.0/0").unwrap().contain("1.2.3.4".parse().unwrap()));
        assert!(
            !Networks::read("0.0.0.0/0")
                .unwrap()
                .contain("2001:db8::1".parse().unwrap())
        );
        assert!(Networks::read("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["proxy", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/x"] {
            assert_eq!(Networks::read(&format!("127.0.0.1,{text}")), Err(text.to_string()));
        }
    }
}
