//! Addresses on the web: how one is read, which hosts and IP addresses may be reached, which addresses stand in a text. Resolves no name and asks nobody.
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::pattern::{host_matches, host_of};

/// The longest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 4096;

/// An `http` or `https` address in its normal form: numbers in any notation are dotted quads, names are lower case and ASCII, no fragment.
/// The one reader for rules, approvals and the connection itself, so that they cannot be told different hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WebAddress(Url);

impl WebAddress {
    /// Reads an address as a browser would.
    ///
    /// # Errors
    /// In words for a model: no address, another scheme, or a user name in it (which makes a false host look true).
    pub fn parse(text: &str) -> Result<WebAddress, String> {
        let text = text.trim();
        if text.len() > MAX_ADDRESS_BYTES {
            return Err(format!("the address is longer than {MAX_ADDRESS_BYTES} bytes"));
        }
        let url = Url::parse(text).map_err(|_| "this is no address that can be read; write it like https://example.com/page".to_owned())?;
        Self::checked(url)
    }

    fn checked(mut url: Url) -> Result<WebAddress, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("only http and https addresses can be fetched, not `{}:`", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address must hold no user name and no password".into());
        }
        if url.host_str().is_none_or(|host| host.trim_matches('.').is_empty()) {
            return Err("the address names no host".into());
        }
        url.set_fragment(None);
        Ok(WebAddress(url))
    }

    /// The address that `location` names, seen from this one.
    ///
    /// # Errors
    /// As [`WebAddress::parse`].
    pub fn join(&self, location: &str) -> Result<WebAddress, String> {
        let url = self.0.join(location.trim()).map_err(|_| "it is no address that can be read".to_owned())?;
        Self::checked(url)
    }

    /// The address with these pairs as its query, beside what it had.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> WebAddress {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        WebAddress(url)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn path(&self) -> &str {
        self.0.path()
    }

    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host, lower case, without brackets and without a last dot.
    pub fn host(&self) -> String {
        match self.0.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        }
    }

    /// The IP address, where the host is one and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }
}

/// Why a host may not be reached: `allowed` (`security.allowed_hosts`) is not empty and does not name it.
pub fn host_refusal(host: &str, allowed: &[String]) -> Option<String> {
    let named = allowed.is_empty() || is_listed(host, allowed);
    (!named).then(|| format!("`{host}` is not among the hosts that may be reached (security.allowed_hosts)"))
}

/// Whether an entry of `allowed` means this host.
pub fn is_listed(host: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|pattern| host_matches(pattern, host))
}

/// Why an address behind `host` may not be reached: it is not public, and no entry of `allowed` names the host itself.
/// A pattern opens no private address: whoever owns the domain behind `*.example.com` could point a name of it anywhere.
pub fn address_refusal(host: &str, address: IpAddr, allowed: &[String]) -> Option<String> {
    let exact = |entry: &&String| !entry.contains(['*', '?']) && host_of(entry) == host;
    if is_public(address) || allowed.iter().any(|entry| exact(&entry)) {
        return None;
    }
    Some(format!(
        "`{host}` leads to an address that is not public; such addresses are refused unless security.allowed_hosts names the host"
    ))
}

/// Whether an address is one of the public internet (IANA special-purpose registries, and the metadata addresses of cloud providers).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    !matches!(
        (a, b, c, d),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, ..)
            | (169, 254, ..)
            | (172, 16..=31, ..)
            | (192, 0, 0 | 2, _)
            | (192, 88, 99, _)
            | (192, 168, ..)
            | (198, 18 | 19, ..)
            | (198, 51, 100, _)
            | (203, 0, 113, _)
            // The platform's own address inside one large cloud; it looks public.
            | (168, 63, 129, 16)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([first, second], [third, fourth]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(first, second, third, fourth))
    };
    match (a, b, c, d, e, f) {
        // IPv4 written as IPv6, and the gateways that lead to IPv4: what counts is where they lead.
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => embedded(g, h),
        (0x2002, ..) => embedded(b, c),
        // Protocol assignments and Teredo, documentation.
        (0x2001, 0..=0x1ff | 0xdb8, ..) | (0x3fff, 0..=0xfff, ..) => false,
        _ => a & 0xe000 == 0x2000,
    }
}

/// Every address that stands in a text, in its normal form.
pub fn addresses_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let starts = |at: &usize| {
        let head = text.as_bytes().get(*at..).unwrap_or_default();
        [&b"http://"[..], b"https://"].iter().any(|scheme| head.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
    };
    for (at, _) in text.match_indices(['h', 'H']).filter(|(at, _)| starts(at)) {
        let rest = text.get(at..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"'`|\\^{}".contains(c)).unwrap_or(rest.len());
        let written = rest.get(..end).unwrap_or_default();
        // What closes a sentence or a bracket may belong to the text around it: every reading counts.
        let mut reading = written;
        for _ in 0..8 {
            found.extend(WebAddress::parse(reading).ok().map(|address| address.as_str().to_owned()));
            let Some(shorter) = reading.strip_suffix(|c: char| ".,;:!?)]*_".contains(c) || "。，、”’»".contains(c)) else { break };
            reading = shorter;
        }
    }
    found
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
