//! Tests of reading PDF files: what a page says comes out, and whatever is wrong with a file ends in words.
use super::*;

const TIDES: &[u8] = include_bytes!("../../tests/fixtures/pdf/tides.pdf");

/// A file of one page with this content, as it stands or packed by `FlateDecode`.
pub(crate) fn file(content: &[u8], filter: &str, extra: &str) -> Vec<u8> {
    let mut stream = format!("<< /Length {} {filter}>>\nstream\n", content.len()).into_bytes();
    stream.extend_from_slice(content);
    stream.extend_from_slice(b"\nendstream");
    let objects: Vec<Vec<u8>> = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_vec(),
        stream,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
        b"<< /Title (Tides \\(draft\\)) >>".to_vec(),
    ];
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.extend(format!("{} 0 obj\n", index + 1).into_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    offsets.iter().for_each(|offset| file.extend(format!("{offset:010} 00000 n \n").into_bytes()));
    file.extend(format!("trailer\n<< /Size {} /Root 1 0 R {extra}>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1).into_bytes());
    file
}

#[test]
fn a_browsers_print_is_read_with_its_pages_figures_and_letters() {
    let pdf = text(TIDES).unwrap();
    assert_eq!((pdf.title.as_str(), pdf.lossy), ("Tides of the North Sea", false));
    for expected in [
        "[page 1]\nTides of the North Sea\n",
        "The mean tidal range at Cuxhaven was 2.97 m in 2024; at Wilhelmshaven it was 3.80 m.",
        "Schüler fanden „höhere Werte“ als früher.",
        // Ligatures are letters, so that words are found.
        "Office files were checked.",
        "[page 2]\nSecond page: it costs 1,480 €.\nРусский текст тоже.",
    ] {
        assert!(pdf.text.contains(expected), "{expected}\n{}", pdf.text);
    }
}

#[test]
fn a_plain_file_is_read_and_its_title_decoded() {
    let pdf = text(&file(b"BT /F1 12 Tf 72 700 Td (High water is at noon today) Tj ET", "", "/Info 6 0 R ")).unwrap();
    assert_eq!((pdf.title.as_str(), pdf.text.as_str()), ("Tides (draft)", "[page 1]\nHigh water is at noon today\n\n"));
}

#[test]
fn what_holds_no_text_says_so() {
    let none = text(&file(b"0 0 m 100 100 l S", "", "")).unwrap_err();
    assert!(none.contains("no text"), "{none}");
    for broken in [&b"%PDF-1.7"[..], b"", b"%PDF-1.4\n%%EOF", TIDES.get(..900).unwrap()] {
        assert!(text(broken).is_err());
    }
    assert!(is_pdf(b"junk before %PDF-1.4") && !is_pdf(b"<html>") && !is_pdf(b""));
}

#[test]
fn a_bomb_ends_in_words() {
    // Twice packed: 64 MB of blanks.
    let bomb = include_bytes!("../../tests/fixtures/pdf/bomb.flate2");
    let said = text(&file(bomb, "/Filter [/FlateDecode /FlateDecode] ", "")).unwrap_err();
    assert!(said.contains("cannot be read"), "{said}");
    let nested = [b"BT ".as_slice(), &b"[".repeat(100_000)].concat();
    assert!(text(&file(&nested, "", "")).is_err());
}

#[test]
fn cut_and_mutated_files_never_panic() {
    // Draws that are the same on every machine.
    let mut state = 88_172_645_463_325_252_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    let mut outcomes = [0, 0];
    for round in 0..120 {
        let mut bytes = TIDES.to_vec();
        match round % 3 {
            0 => bytes.truncate(draw(TIDES.len())),
            1 => (0..1 + draw(20)).for_each(|_| bytes[draw(TIDES.len())] = u8::try_from(draw(256)).unwrap()),
            _ => {
                let at = draw(TIDES.len());
                bytes.drain(at..(at + draw(200)).min(TIDES.len()));
            }
        }
        let read = text(&bytes);
        assert!(!read.as_ref().is_err_and(|said| said.contains("defect")), "round {round}: {read:?}");
        outcomes[usize::from(read.is_ok())] += 1;
    }
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
}
