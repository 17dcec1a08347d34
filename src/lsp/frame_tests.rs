//! Frames: broken, odd, cut and endless ones.
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn read_all(bytes: &[u8]) -> Vec<Frame> {
    block_on(async {
        let mut reader = FrameReader::new(bytes);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().await {
            frames.push(frame);
        }
        frames
    })
}

fn good(frames: &[Frame]) -> Vec<&Value> {
    frames.iter().filter_map(|frame| if let Frame::Message(value) = frame { Some(value) } else { None }).collect()
}

#[test]
fn headers_may_have_any_case_number_and_order() {
    let input = b"content-length: 2\r\n\r\n{}Content-Type: x\r\nX-Other: y\r\nCONTENT-LENGTH:2\r\n\r\n[]Content-Length: 1\n\n1";
    assert_eq!(read_all(input), vec![Frame::Message(json!({})), Frame::Message(json!([])), Frame::Message(json!(1))]);
}

#[test]
fn the_frame_after_a_broken_one_is_read() {
    for broken in [
        "Content-Length: 5\r\n\r\n{oops",
        "hello there\r\n",
        "Content-Length: abc\r\n\r\n{\"a\":1}",
        "Content-Length: -4\r\n\r\n{}",
        "Content-Length: 99999999999999999999\r\n\r\n{}",
        "Content-Length: 9999999999999\r\n\r\n{}",
        "X-Nothing: 1\r\n\r\n",
        "Content-Length: 0\r\n\r\n",
    ] {
        let input = format!("{broken}Content-Length: 7\r\n\r\n{{\"b\":2}}");
        let frames = read_all(input.as_bytes());
        assert_eq!(good(&frames), vec![&json!({"b": 2})], "{broken:?} gave {frames:?}");
        assert!(frames.iter().any(|frame| matches!(frame, Frame::Bad(_))), "{broken:?} was not reported");
    }
}

#[test]
fn an_endless_line_is_passed_over_and_not_kept() {
    let mut input = vec![b'x'; 300_000];
    input.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
    assert_eq!(good(&read_all(&input)), vec![&json!({})]);
}

#[test]
fn a_body_above_the_cap_is_skipped_to_its_end() {
    let length = MAX_BODY_BYTES + 1;
    let mut input = format!("Content-Length: {length}\r\n\r\n").into_bytes();
    input.resize(input.len() + usize::try_from(length).unwrap(), b'a');
    input.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
    let frames = read_all(&input);
    assert!(matches!(frames[0], Frame::Bad(_)));
    assert_eq!(frames[1..], [Frame::Message(json!({}))]);
}

#[test]
fn broken_utf8_and_half_surrogates_become_the_replacement_character() {
    assert_eq!(decode(b"{\"a\":\"x\xffy\"}"), Frame::Message(json!({"a": "x\u{fffd}y"})));
    assert_eq!(decode(br#"{"a":"\ud83d!"}"#), Frame::Message(json!({"a": "\u{fffd}!"})));
    assert_eq!(decode(br#"{"a":"\ude00\ud83d"}"#), Frame::Message(json!({"a": "\u{fffd}\u{fffd}"})));
    assert_eq!(decode(br#"{"a":"\ud83d\ude00 \\ud83d \ud83d\n"}"#), Frame::Message(json!({"a": "😀 \\ud83d \u{fffd}\n"})));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_fail_and_a_good_frame_after_a_blank_line_is_found(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        // Noise that happens to promise a body would swallow what follows: that is what it asked for.
        prop_assume!(!String::from_utf8_lossy(&noise).to_ascii_lowercase().contains("content"));
        let mut input = noise;
        input.extend_from_slice(b"\r\n\r\n");
        input.extend_from_slice(&encode(&json!({"ok": true})));
        let frames = read_all(&input);
        prop_assert!(good(&frames).contains(&&json!({"ok": true})), "{frames:?}");
    }

    #[test]
    fn frames_survive_any_cut(sizes in proptest::collection::vec(1usize..9, 1..60)) {
        let messages = [json!({"a": "ü😀"}), json!([1, 2]), json!({"method": "x", "params": {}})];
        let bytes: Vec<u8> = messages.iter().flat_map(encode).collect();
        let frames = block_on(async {
            let (mut near, far) = tokio::io::duplex(7);
            let send = async {
                use tokio::io::AsyncWriteExt;
                let mut rest = bytes.as_slice();
                for size in sizes.iter().cycle() {
                    let (now, later) = rest.split_at((*size).min(rest.len()));
                    near.write_all(now).await.unwrap();
                    rest = later;
                    if rest.is_empty() { break; }
                }
                drop(near);
            };
            let read = async {
                let mut reader = FrameReader::new(far);
                let mut frames = Vec::new();
                while let Some(frame) = reader.next().await { frames.push(frame); }
                frames
            };
            futures::join!(send, read).1
        });
        prop_assert_eq!(frames, messages.map(Frame::Message).to_vec());
    }
}
