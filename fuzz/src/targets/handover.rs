//! What a process tells its agent.

use handover::{Answer, KeyLine, Lookup, Message, Settings};

/// Reads a message; what is read is written as it was. The same bytes may be an answer, a line, settings.
pub fn handover(input: &[u8]) {
    if let Ok(message) = Message::decode(input) {
        let again = message.encode();
        assert!(again.dangerous_bytes().len() <= input.len());
        let read = Message::decode(again.dangerous_bytes());
        assert!(read.is_ok_and(|read| read.session == message.session));
    }
    if let Ok(answer) = Answer::decode(input) {
        assert_eq!(answer.encode(), *input);
    }
    if let Lookup::Secret(line) = KeyLine::read(input) {
        assert!(line.secret.label().allows(line.secret.dangerous_bytes().len()));
    }
    if let Ok(settings) = String::from_utf8_lossy(input).parse::<Settings>() {
        assert_eq!(settings.to_string().parse::<Settings>(), Ok(settings));
    }
}
