//! DNS messages: what is read is written as it was, compressed or not, and so is the text of records.

use xmppspec_protocol::dns::{Message, Question, Record};

/// Reading never panics; what is read is written and read back, and so is its text form.
pub fn dns(data: &[u8]) {
    let message = match Message::decode(data) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= data.len(), "{error}");
            return;
        }
    };
    for compress in [false, true] {
        let bytes = message.encode(compress);
        assert_eq!(
            Message::decode(&bytes).as_ref(),
            Ok(&message),
            "compress: {compress}"
        );
    }
    for question in &message.questions {
        let text = question.to_string();
        assert_eq!(text.parse::<Question>().as_ref(), Ok(question), "{text}");
    }
    for record in message.records() {
        let text = record.to_string();
        assert_eq!(text.parse::<Record>().as_ref(), Ok(record), "{text}");
    }
}
