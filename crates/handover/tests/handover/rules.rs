//! Settings, policies and the breaker.

use std::time::Duration;

use handover::{Admission, Breaker, Fact, Glob, Net, NotSettings, Settings, Subject};
use proptest::prelude::*;

#[test]
fn what_one_rule_denies_is_denied_and_what_is_not_known_is_not_allowed() {
    let settings = |rules: &str| format!("socket=/x {rules}").parse::<Settings>().unwrap().policy;
    let subject = Subject {
        server_name: Fact::Known("mail.Bank.example"),
        peer: Fact::Known("192.0.2.7".parse().unwrap()),
        executable: Fact::Known(b"/usr/sbin/nginx"),
        user: Fact::Known(33),
    };
    for (rules, expected) in [
        ("", true),
        ("deny-sni=*.bank.example", false),
        ("deny-sni=*.bank.test,x", true),
        ("allow-sni=*.bank.example", true),
        ("allow-sni=*.bank.example deny-user=33", false),
        ("allow-sni=*.bank.example allow-exe=/usr/bin/*", false),
        ("allow-peer=192.0.2.0/24 allow-exe=/usr/sbin/*", true),
        ("deny-peer=::/0", true),
        ("allow-user=0", false),
    ] {
        assert_eq!(settings(rules).allows(&subject), expected, "{rules}");
    }
    let unknown = Subject { server_name: Fact::Unknown, peer: Fact::Unknown, ..subject };
    for rules in ["deny-sni=a", "allow-sni=*", "deny-peer=10.0.0.0/8", "allow-peer=0.0.0.0/0"] {
        assert!(!settings(rules).allows(&unknown), "{rules}");
    }
    assert!(settings("allow-user=33 deny-exe=/bin/*").allows(&unknown));
    let nameless = Subject { server_name: Fact::Absent, ..subject };
    assert!(settings("deny-sni=a").allows(&nameless));
    assert!(!settings("deny-sni=a,").allows(&nameless));
    assert!(!settings("allow-sni=a").allows(&nameless));
}

#[test]
fn settings_are_refused_unless_each_word_is_understood() {
    for (text, error) in [
        ("", NotSettings::NoSocket),
        ("socket=relative", NotSettings::Value("socket=relative".into())),
        ("socket=/a socket=/b", NotSettings::Twice("socket".into())),
        ("socket=/a hold=1", NotSettings::UnknownKey("hold=1".into())),
        ("socket=/a word", NotSettings::UnknownKey("word".into())),
        ("socket=/a deadline=5", NotSettings::Value("deadline=5".into())),
        ("socket=/a deadline=2h", NotSettings::Value("deadline=2h".into())),
        ("socket=/a wait=soon", NotSettings::Value("wait=soon".into())),
        ("socket=/a deny-peer=10.0.0.0/33", NotSettings::Value("deny-peer=10.0.0.0/33".into())),
    ] {
        assert_eq!(text.parse::<Settings>(), Err(error), "{text}");
    }
    let mut spaced = Settings::new("/with space".into());
    assert_eq!(spaced.to_text(), None);
    spaced.socket = "/without".into();
    assert!(spaced.to_text().is_some());
}

#[test]
fn after_some_deadlines_in_a_row_one_session_tries_each_pause() {
    let (breaker, pause) = (Breaker::new(), Duration::from_nanos(100));
    for now in 0..3 {
        assert_eq!(breaker.admit(3, pause, now), Admission::Wait);
        assert_eq!(breaker.fail(3, pause, now), now == 2, "it trips once");
    }
    assert_eq!(breaker.admit(3, pause, 50), Admission::Tripped);
    assert_eq!(breaker.admit(3, pause, 102), Admission::Wait);
    assert_eq!(breaker.admit(3, pause, 103), Admission::Tripped, "another one tries");
    assert!(!breaker.fail(3, pause, 110));
    assert_eq!(breaker.admit(3, pause, 209), Admission::Tripped);
    assert_eq!(breaker.admit(3, pause, 210), Admission::Wait);
    assert!(breaker.succeed(3));
    assert_eq!(breaker.admit(3, pause, 211), Admission::Wait);
    assert!(!breaker.succeed(3));
    for now in 0..20 {
        assert!(!breaker.fail(0, pause, now), "without a limit it never trips");
        assert_eq!(breaker.admit(0, pause, now), Admission::Wait);
    }
}

proptest! {
    #[test]
    fn any_text_is_settings_or_refused(text in "(socket=/[a-z]{1,3}|wait=[a-z]{0,8}|deadline=[0-9]{1,3}[mu]?s|allow-(sni|exe|user|peer)=[a-z0-9.*,/:]{0,9}| ){0,6}") {
        if let Ok(settings) = text.parse::<Settings>() {
            let again = settings.to_string().parse::<Settings>();
            prop_assert_eq!(again, Ok(settings));
        }
    }

    #[test]
    fn a_pattern_matches_what_it_is_made_of(parts in prop::collection::vec("[a-c.]{0,3}", 1..5), between in "[a-c.]{0,4}") {
        let glob = Glob::new(&parts.join("*"));
        prop_assert!(glob.matches(parts.join(&between).as_bytes()));
        let longer = parts.join(&between) + "x";
        let ends_open = parts.len() > 1 && parts.last().unwrap().is_empty();
        prop_assert_eq!(glob.matches(longer.as_bytes()), ends_open);
    }

    #[test]
    fn a_network_holds_what_begins_as_it_does(address: u32, other: u32, bits in 0..=32_u32) {
        let net: Net = format!("{}/{bits}", std::net::Ipv4Addr::from(address)).parse().unwrap();
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        let expected = address & mask == other & mask;
        let other = std::net::Ipv4Addr::from(other);
        prop_assert_eq!(net.contains(other.into()), expected);
        prop_assert_eq!(net.contains(other.to_ipv6_mapped().into()), expected);
    }
}
