//! Messages, and the secrets in them.

use std::net::SocketAddr;

use handover::{
    Answer, Fact, Gathering, KeyLine, Label, Library, Lookup, MAX_MESSAGE_LEN, Malformed, Message,
    Reached, Role, Session, Stage, TakenSecret, Tallies, Text,
};
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
fn a_message_without_secrets_tells_what_became_of_its_session() {
    let mut message = message();
    message.secrets.clear();
    let read = Message::decode(message.encode().dangerous_bytes()).ok().unwrap();
    assert_eq!((read.secrets.len(), read.tallies), (0, message.tallies));
    message.tallies = Tallies::default();
    let empty = Message::decode(message.encode().dangerous_bytes());
    assert_eq!(empty.err(), Some(Malformed::Secrets), "it tells nothing");
}

#[test]
fn the_longest_message_fits() {
    let mut message = message();
    message.session.server_name = Fact::Known(Text::from(&"x".repeat(255)).unwrap());
    message.session.executable = Some(Text::from(&"x".repeat(255)).unwrap());
    message.secrets = Label::ALL.iter().map(|label| secret(*label, 48)).collect();
    let encoded = message.encode();
    assert!(encoded.dangerous_bytes().len() <= MAX_MESSAGE_LEN);
    assert_eq!(Message::decode(encoded.dangerous_bytes()).ok().unwrap().secrets.len(), 6);
}

#[test]
fn a_secret_of_an_exporter_cannot_be_said() {
    for name in
        ["EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "ECH_SECRET", "CLIENT_TRAFFIC_SECRET_N"]
    {
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
        assert!(
            !matches!(KeyLine::read(&line.as_bytes()[..len]), Lookup::Secret(_)) || len == 89 + 64
        );
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
        if let Ok(answer) = Answer::decode(&packet) {
            prop_assert_eq!(&answer.encode()[..], &packet[..]);
        }
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
}

fn message() -> Message {
    let mut session = Session::new(Library::OpenSsl, [5; 32]);
    session.role = Some(Role::Server);
    session.version = 0x0304;
    session.cipher_suite = 0x1302;
    session.server_random = Some([6; 32]);
    session.server_name = Fact::Known(Text::from("server.test").unwrap());
    session.executable = Some(Text::from("/usr/bin/curl").unwrap());
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
