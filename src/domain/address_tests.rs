//! Tests of addresses: every notation of a private one is seen through, and rules, approvals and connections read the same host.
use super::*;

fn public(text: &str) -> bool {
    is_public(text.parse().unwrap())
}

#[test]
fn private_addresses_are_told_from_public_ones() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!public(address), "{address}");
    }
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.0.1",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::",
        "2606:4700:4700::1111",
        "2a00:1450::1",
    ] {
        assert!(public(address), "{address}");
    }
}

#[test]
fn every_notation_of_this_machine_is_the_same_address() {
    for text in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://0.0.0.0/",
        "http://0/",
        "HTTP://127.0.0.1",
        "http:127.0.0.1",
        "http:/\\127.0.0.1/x",
        "http://127.0.0.1\\@example.com/",
        "http://\u{ff11}27.0.0.1/",
        "http://127\u{3002}0\u{3002}0\u{3002}1/",
        "http://%31%32%37.0.0.1/",
        "ht\ntp://127.0.\t0.1/",
    ] {
        let address = WebAddress::parse(text).unwrap();
        let ip = address.ip().unwrap_or_else(|| panic!("{text} is read as the name {}", address.host()));
        assert!(address_refusal(&address.host(), ip, &[]).is_some(), "{text}");
    }
}

#[test]
fn what_is_no_plain_web_address_is_refused() {
    for text in [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "data:text/html,x",
        "javascript:alert(1)",
        "http://user@example.com/",
        "http://example.com@127.0.0.1/",
        "http://user:secret@example.com/",
        "http://[::1/",
        "http://256.256.256.256/",
        "http://exa mple.com/",
        "http:///",
        "http://./",
        "http://[fe80::1%25eth0]/",
    ] {
        assert!(WebAddress::parse(text).is_err(), "{text}");
    }
    assert!(WebAddress::parse(&format!("http://a/{}", "x".repeat(5000))).is_err());
}

#[test]
fn the_host_is_one_name_however_it_is_written() {
    for (text, host) in [
        ("https://Example.COM:443/a#b", "example.com"),
        ("http://example.com./", "example.com"),
        ("http://ｅｘａｍｐｌｅ.com/", "example.com"),
        ("http://münchen.example/", "xn--mnchen-3ya.example"),
        ("http://example.com\\@127.0.0.1/", "example.com"),
        ("http://[2606:4700::1]:8080/", "2606:4700::1"),
    ] {
        assert_eq!(WebAddress::parse(text).unwrap().host(), host, "{text}");
    }
    assert_eq!(WebAddress::parse("HTTPS://Example.com:443/a/../b#c").unwrap().as_str(), "https://example.com/b");
}

#[test]
fn only_an_entry_that_names_the_host_opens_a_private_address() {
    let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
    let loopback = "127.0.0.1".parse().unwrap();
    assert!(address_refusal("localhost", loopback, &list(&["localhost"])).is_none());
    assert!(address_refusal("127.0.0.1", loopback, &list(&["127.0.0.1"])).is_none());
    for entries in [&[][..], &["*"], &["*.example.com"], &["other.example"]] {
        assert!(address_refusal("a.example.com", loopback, &list(entries)).is_some(), "{entries:?}");
    }
    assert!(host_refusal("a.example.com", &[]).is_none());
    assert!(host_refusal("a.example.com", &list(&["*.example.com"])).is_none());
    assert!(host_refusal("example.org", &list(&["*.example.com"])).is_some());
}

#[test]
fn addresses_are_found_in_running_text() {
    let found = addresses_in(
        "See https://example.com/a, (http://b.example/x_(y)) and <https://c.example/?q=1&r=2>. \
         [link](https://d.example/page) HTTPS://E.example. Not: ftp://x.example, https:// , http",
    );
    for expected in
        ["https://example.com/a", "http://b.example/x_(y)", "https://c.example/?q=1&r=2", "https://d.example/page", "https://e.example/"]
    {
        assert!(found.contains(expected), "{expected} in {found:?}");
    }
    assert!(!found.iter().any(|address| address.starts_with("ftp")));
    assert!(!addresses_in("https://example.com/a").contains("https://example.com/"));
}

proptest::proptest! {
    #[test]
    fn no_text_panics_and_the_normal_form_stays_as_it_is(text in "\\PC{0,80}", path in "[a-z/?=&%.]{0,20}") {
        let _ = (WebAddress::parse(&text), addresses_in(&text), addresses_in(&format!("x http://{text}")));
        if let Ok(address) = WebAddress::parse(&format!("http://h.example/{path}")) {
            let again = WebAddress::parse(address.as_str()).unwrap();
            proptest::prop_assert_eq!(again.as_str(), address.as_str());
        }
    }

    #[test]
    fn a_mapped_address_is_judged_like_the_one_it_maps(number in proptest::num::u32::ANY) {
        let plain = Ipv4Addr::from(number);
        proptest::prop_assert_eq!(is_public(plain.into()), is_public(plain.to_ipv6_mapped().into()));
    }
}
