//! Tests of the SSE decoder: every line ending, every split.
use proptest::prelude::*;

use super::*;

fn whole(bytes: &[u8]) -> Vec<SseEvent> {
    in_pieces(bytes, std::iter::repeat(bytes.len().max(1)))
}

fn in_pieces(mut bytes: &[u8], sizes: impl IntoIterator<Item = usize>) -> Vec<SseEvent> {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    let mut sizes = sizes.into_iter();
    while !bytes.is_empty() {
        let (part, rest) = bytes.split_at(sizes.next().unwrap_or(1).clamp(1, bytes.len()));
        events.extend(decoder.push(part).unwrap());
        bytes = rest;
    }
    events.extend(decoder.finish());
    events
}

fn event(event: Option<&str>, data: &str) -> SseEvent {
    SseEvent { event: event.map(str::to_owned), data: data.to_owned() }
}

#[test]
fn every_line_ending_means_the_same() {
    for ending in ["\n", "\r\n", "\r"] {
        let text = ["event: a", "data: 1", "", "data: 2", "data: 3", "", ""].join(ending);
        assert_eq!(whole(text.as_bytes()), [event(Some("a"), "1"), event(None, "2\n3")], "{ending:?}");
    }
}

#[test]
fn a_crlf_split_between_two_reads_is_one_ending() {
    let mut decoder = SseDecoder::default();
    assert_eq!(decoder.push(b"data: 1\r").unwrap(), []);
    assert_eq!(decoder.push(b"\ndata: 2\r").unwrap(), []);
    assert_eq!(decoder.push(b"\n\r\n").unwrap(), [event(None, "1\n2")]);
}

#[test]
fn odd_lines_are_passed_over() {
    assert_eq!(whole(b"data:no space\n\n"), [event(None, "no space")]);
    assert_eq!(whole(b"data:  two\n\n"), [event(None, " two")]);
    assert_eq!(whole(b": comment\ndata: 1\n: another\nid: 4\nretry: 9\nfuture: x\ndata: 2\n\n"), [event(None, "1\n2")]);
    assert_eq!(whole(b"data\n\ndata:\n\nevent: x\n\n\n\n: \n\n"), []);
    assert_eq!(whole(b"event: lost\n\ndata: 1\n\n"), [event(None, "1")]);
    assert_eq!(whole("\u{feff}data: 1\n\n".as_bytes()), [event(None, "1")]);
    assert_eq!(whole(b"data: a\0b\n\n"), [event(None, "a\0b")]);
    assert_eq!(whole(b"error: {\"code\":500}\n\n"), [event(Some("error"), "{\"code\":500}")]);
    assert_eq!(whole(b"data: \xff\xfe\n\n").len(), 1);
}

#[test]
fn the_last_event_needs_no_blank_line() {
    assert_eq!(whole(b"data: 1\n\ndata: [DONE]"), [event(None, "1"), event(None, "[DONE]")]);
    assert_eq!(whole(b"event: message_stop\ndata: {}\n"), [event(Some("message_stop"), "{}")]);
}

#[test]
fn a_megabyte_line_passes_and_an_endless_one_does_not() {
    let long = "x".repeat(1 << 20);
    assert_eq!(whole(format!("data: {long}\n\n").as_bytes()), [event(None, &long)]);
    let mut decoder = SseDecoder::with_limit(64);
    assert_eq!(decoder.push(&[b'x'; 65]), Err(TooLong));
    let mut decoder = SseDecoder::with_limit(64);
    assert_eq!((0..9).map(|_| decoder.push(b"data: 01234567\n")).find(Result::is_err), Some(Err(TooLong)));
}

proptest! {
    #[test]
    fn splits_change_nothing(
        lines in proptest::collection::vec(prop_oneof![
            "data: ?[ -~é☃]{0,20}", "event: [a-z_]{0,9}", ": [a-z]*", "", "id: 1", "data",
        ], 0..24),
        endings in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 24),
        sizes in proptest::collection::vec(1usize..9, 0..200),
    ) {
        let text: String = lines.iter().zip(&endings).flat_map(|(line, ending)| [line.as_str(), ending]).collect();
        prop_assert_eq!(in_pieces(text.as_bytes(), sizes), whole(text.as_bytes()));
        prop_assert_eq!(in_pieces(text.as_bytes(), std::iter::repeat(1)), whole(text.as_bytes()));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        whole(&bytes);
    }
}
