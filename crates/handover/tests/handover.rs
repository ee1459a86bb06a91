//! Messages, settings, policies, gathering and the breaker, through the public interface.

use std::net::SocketAddr;
use std::time::Duration;

use handover::*;
use proptest::prelude::*;

#[test]
fn a_message_is_read_as_it_was_written_and_none_of_its_prefixes_is() {
    let message = message();
    let encoded = message.encode();
    let bytes = encoded.dangerous_bytes();
    let read = Message::decode(bytes).ok().unwrap();
    assert_eq!(read.session, message.session);
    assert_eq!((read.sequence, read.wait, read.stage), (7, Some(Reached::Live), Stage::Hello));
    assert_eq!(read.tallies, message.tallies);
    let told: Vec<_> = read.secrets.iter().map(|it| (it.label(), it.dangerous_bytes())).collect();
    assert_eq!(told[0], (Label::ClientHandshake, &[1; 48][..]));
    assert_eq!(told[1], (Label::ServerHandshake, &[2; 48][..]));
    for len in 0..bytes.len() {
        assert!(Message::decode(&bytes[..len]).is_err(), "prefix of {len} bytes");
    }
    let longer = [bytes, &[0]].concat();
    assert_eq!(Message::decode(&longer).err(), Some(Malformed::TrailingBytes));
}

#[test]
fn the_longest_message_fits() {
    let mut message = message();
    message.session.server_name = Some(ServerName::from(&"x".repeat(255)).unwrap());
    message.secrets = Label::ALL.iter().map(|label| secret(*label, 48)).collect();
    let encoded = message.encode();
    assert!(encoded.dangerous_bytes().len() <= MAX_MESSAGE_LEN);
    assert_eq!(Message::decode(encoded.dangerous_bytes()).ok().unwrap().secrets.len(), 6);
}

#[test]
fn a_secret_of_an_exporter_cannot_be_said() {
    for name in ["EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "ECH_SECRET", "CLIENT_TRAFFIC_SECRET_N"] {
        let line = format!("{name} {} {}", "ab".repeat(32), "cd".repeat(32));
        assert!(matches!(KeyLine::read(line.as_bytes()), Lookup::Withheld), "{name}");
    }
    let encoded = message().encode();
    let at = encoded.dangerous_bytes().len() - 2 * 50;
    for code in [0, 7, 8, 200] {
        let mut bytes = encoded.dangerous_bytes().to_vec();
        assert_eq!(bytes[at], 3);
        bytes[at] = code;
        assert_eq!(Message::decode(&bytes).err(), Some(Malformed::Value("a label")));
    }
}

#[test]
fn a_line_of_a_key_log_is_read_whole_or_not_at_all() {
    let line = format!("SERVER_TRAFFIC_SECRET_0 {} {}", "0f".repeat(32), "aB".repeat(48));
    let Lookup::Secret(read) = KeyLine::read(line.as_bytes()) else { panic!("a secret") };
    assert_eq!((read.random, read.secret.label()), ([0x0f; 32], Label::ServerApplication));
    assert_eq!(read.secret.dangerous_bytes(), [0xab; 48]);
    for len in 0..line.len() {
        assert!(!matches!(KeyLine::read(&line.as_bytes()[..len]), Lookup::Secret(_)) || len == 89 + 64);
    }
    for bad in ["", "CLIENT_RANDOM", "CLIENT_RANDOM 00 00", "CLIENT_RANDOM zz zz"] {
        assert!(matches!(KeyLine::read(bad.as_bytes()), Lookup::Malformed), "{bad}");
    }
    let short = format!("CLIENT_RANDOM {} {}", "00".repeat(32), "00".repeat(32));
    assert!(matches!(KeyLine::read(short.as_bytes()), Lookup::Malformed));
}

#[test]
fn secrets_of_a_stage_are_told_together_in_whatever_order_a_library_has() {
    use Label::*;
    let server = [ServerHandshake, ClientHandshake, ServerApplication, ClientApplication];
    let client = [ServerHandshake, ServerApplication, ClientHandshake, ClientApplication];
    for (order, expected) in [
        (&server[..], &[(1, Stage::Hello, 2), (3, Stage::Application, 2)][..]),
        (&client, &[(2, Stage::Hello, 3), (3, Stage::Application, 1)]),
        (&[ClientEarly], &[(0, Stage::Hello, 1)]),
        (&[Master], &[(0, Stage::Application, 1)]),
    ] {
        let mut gathering = Gathering::default();
        let mut told = Vec::new();
        for (at, label) in order.iter().enumerate() {
            if let Some(one) = gathering.add(&[9; 32], secret(*label, 48)) {
                told.push((at, one.stage, one.secrets.len()));
            }
            assert!(gathering.add(&[9; 32], secret(*label, 48)).is_none(), "told once");
        }
        assert_eq!(told, expected, "{order:?}");
    }
}

#[test]
fn another_handshake_of_a_connection_begins_anew() {
    let mut gathering = Gathering::default();
    assert!(gathering.add(&[1; 32], secret(Label::ServerHandshake, 32)).is_none());
    assert!(gathering.add(&[2; 32], secret(Label::ClientHandshake, 32)).is_none());
    let told = gathering.add(&[2; 32], secret(Label::ServerHandshake, 32)).unwrap();
    assert_eq!(told.secrets.len(), 2);
}

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
    fn any_packet_is_a_message_or_refused(mut packet: Vec<u8>, version in 0..3_u8) {
        if let Some(first) = packet.first_mut() {
            *first = version;
        }
        if let Ok(message) = Message::decode(&packet) {
            let again = message.encode();
            prop_assert_eq!(again.dangerous_bytes(), &packet[..]);
        }
        let _ = Answer::decode(&packet);
    }

    #[test]
    fn a_message_with_a_byte_changed_is_read_or_refused(at: prop::sample::Index, byte: u8) {
        let encoded = message().encode();
        let mut bytes = encoded.dangerous_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert!(message.encode().dangerous_bytes().len() <= MAX_MESSAGE_LEN);
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written(sequence: u64, code in 0..3_usize) {
        let reached = Reached::NAMES[code].0;
        let bytes = Answer { sequence, reached }.encode();
        prop_assert_eq!(Answer::decode(&bytes), Ok(Answer { sequence, reached }));
        for len in 0..bytes.len() {
            prop_assert!(Answer::decode(&bytes[..len]).is_err());
        }
    }

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

fn message() -> Message {
    let mut session = Session::new(Library::OpenSsl, [5; 32]);
    session.role = Some(Role::Server);
    session.version = 0x0304;
    session.cipher_suite = 0x1302;
    session.server_random = Some([6; 32]);
    session.server_name = Some(ServerName::from("server.test").unwrap());
    session.local = Some(SocketAddr::from(([192, 0, 2, 1], 443)));
    session.peer = Some(SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 4000)));
    let mut secrets = Vec::new();
    secrets.extend([(Label::ClientHandshake, [1; 48]), (Label::ServerHandshake, [2; 48])]);
    Message {
        sequence: 7,
        wait: Some(Reached::Live),
        tallies: Tallies { lost: 1, opened: 2, aborted: 3, refused: 4, denied: 5 },
        session,
        stage: Stage::Hello,
        secrets: secrets.iter().filter_map(|(label, it)| TakenSecret::new(*label, it)).collect(),
    }
}

fn secret(label: Label, len: usize) -> TakenSecret {
    TakenSecret::new(label, &vec![3; len]).unwrap()
}
