//! Document sync against a second implementation of it; edits of every awkward kind.
use proptest::prelude::*;
use tower_lsp::lsp_types::{Position, Range};

use super::*;

/// A second implementation: the text as a vector of the units the client counts, lines split by hand.
fn model_offset(text: &str, line: u32, column: u32, encoding: Encoding) -> usize {
    let mut start = 0;
    for _ in 0..line {
        let rest = &text[start..];
        let Some(at) = rest.find(['\n', '\r']) else { return text.len() };
        start += at + if rest[at..].starts_with("\r\n") { 2 } else { 1 };
    }
    let line_text = text[start..].split(['\n', '\r']).next().unwrap_or_default();
    let mut units = 0;
    for (at, c) in line_text.char_indices() {
        let width = match encoding {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
        };
        if units + width > column as usize {
            return start + at;
        }
        units += width;
    }
    start + line_text.len()
}

fn edit() -> impl Strategy<Value = (u32, u32, u32, u32, String)> {
    let text = proptest::collection::vec(
        prop_oneof![Just("a"), Just("ü"), Just("😀"), Just("\r\n"), Just("\n"), Just("\r"), Just("\u{2028}"), Just("goal: x y z\n")],
        0..5,
    );
    (0u32..8, 0u32..9, 0u32..8, 0u32..9, text.prop_map(|parts| parts.concat()))
}

proptest! {
    #[test]
    fn any_stream_of_edits_gives_the_text_of_the_model(edits in proptest::collection::vec(edit(), 1..40), utf8 in any::<bool>()) {
        let encoding = if utf8 { Encoding::Utf8 } else { Encoding::Utf16 };
        let uri = Url::parse("file:///tmp/notes.md").unwrap();
        let key = from_proto::key(&uri);
        let mut documents = Documents { encoding, ..Documents::default() };
        let mut model = "goal: drei ü😀 Dinge\r\nzweite\n\nlast".to_owned();
        documents.open(TextDocumentItem::new(uri.clone(), "markdown".into(), 0, model.clone()), &["goal:".into()]);
        for (version, (line, column, end_line, end_column, text)) in edits.into_iter().enumerate() {
            let range = Range::new(Position::new(line, column), Position::new(end_line, end_column));
            let start = model_offset(&model, line, column, encoding);
            let end = model_offset(&model, end_line, end_column, encoding).max(start);
            model.replace_range(start..end, &text);
            let change = TextDocumentContentChangeEvent { range: Some(range), range_length: None, text };
            documents.change(&key, i32::try_from(version).unwrap(), &[change]);
            prop_assert_eq!(documents.get(&uri).unwrap().rope.to_string(), model.clone());
        }
        prop_assert_eq!(documents.texts.text(Path::new("/tmp/notes.md")), Some(model.clone()));
        // What was found step by step is what a fresh look finds.
        let document = documents.get_mut(&uri).unwrap();
        let rope = document.rope.clone();
        let found = document.goals.markers(&rope).to_vec();
        let mut fresh = Goals::new("notes.md", "markdown", &["goal:".into()]);
        prop_assert_eq!(found, fresh.markers(&rope).to_vec());
    }
}

#[test]
fn unsaved_text_is_what_agents_read_until_the_document_is_closed() {
    let uri = Url::parse("file:///tmp/a%20b.md").unwrap();
    let mut documents = Documents::default();
    documents.open(TextDocumentItem::new(uri.clone(), "markdown".into(), 1, "old".into()), &[]);
    let change = TextDocumentContentChangeEvent { range: None, range_length: None, text: "new".into() };
    let key = from_proto::key(&uri);
    assert!(documents.change(&key, 2, std::slice::from_ref(&change)).is_some());
    assert_eq!(documents.texts.text(Path::new("/tmp/a b.md")), Some("new".into()));
    documents.close(&uri);
    assert_eq!(documents.texts.text(Path::new("/tmp/a b.md")), None);
    assert!(documents.change(&key, 3, &[change]).is_none());
}
