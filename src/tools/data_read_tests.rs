//! Files as programs and people write them.
use super::*;

fn rows(table: &Table) -> Vec<Vec<String>> {
    (0..table.rows()).map(|row| (0..table.header.len()).map(|column| table.cell(row, column).to_owned()).collect()).collect()
}

#[test]
fn delimiters_are_found_also_where_numbers_have_commas() {
    for (text, delimiter, width) in [
        ("a,b\n1,2\n", ',', 2),
        ("a;b\n1,5;2,5\n", ';', 2),
        ("a\tb\tc\n1\t2\t3\n", '\t', 3),
        ("a|b\nx,y|2\n", '|', 2),
        ("a\n1\n2\n", ',', 1),
        ("sep=;\na;b\n1;2", ';', 2),
    ] {
        let table = read(text.as_bytes()).unwrap();
        assert_eq!((table.facts.delimiter, table.header.len()), (Some(delimiter), width), "{text:?}");
    }
}

#[test]
fn quotes_newlines_inside_and_mixed_line_ends_are_read() {
    let table = read(b"name,note\r\nA,\"say \"\"hi\"\"\nagain, please\"\nB,x\rC,y\r\n").unwrap();
    assert_eq!(rows(&table), [["A", "say \"hi\"\nagain, please"], ["B", "x"], ["C", "y"]]);
}

#[test]
fn encodings_are_told_apart() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("a,b\n1,é\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (bytes, encoding) in [
        (b"a,b\n1,caf\xc3\xa9\n".to_vec(), "utf-8"),
        (b"\xef\xbb\xbfa,b\n1,2\n".to_vec(), "utf-8 with byte order mark"),
        (b"a,b\n1,caf\xe9 \x80\n".to_vec(), "windows-1252"),
        (utf16, "utf-16le"),
    ] {
        let table = read(&bytes).unwrap();
        assert_eq!((table.facts.encoding, table.header[0].as_str()), (encoding, "a"));
    }
    assert_eq!(read(b"a,b\n1,caf\xe9 \x80\n").unwrap().cell(0, 1), "café €");
    assert!(read(b"\x7fELF\0\0\x01").unwrap_err().contains("binary"));
}

#[test]
fn headers_are_named_completed_and_numbered() {
    assert_eq!(read(b"a,,A,\"b\nc\"\n1,2,3,4\n").unwrap().header, ["a", "column_2", "A_2", "b c"]);
    let table = read(b"1,2\n3,4\n").unwrap();
    assert_eq!((table.facts.has_header, table.rows(), table.header), (false, 2, vec!["column_1".to_string(), "column_2".to_string()]));
    let table = read(b"country,2019,2020\nA,1,2\n").unwrap();
    assert_eq!((table.facts.has_header, table.rows()), (true, 1));
    let table = read(b"a,b\n").unwrap();
    assert_eq!((table.facts.has_header, table.rows()), (true, 0));
}

#[test]
fn ragged_rows_are_counted_and_kept() {
    let table = read(b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n1,2,3\n1,2,3\n").unwrap();
    assert_eq!((table.facts.ragged, table.facts.ragged_rows.as_slice()), (2, [2, 3].as_slice()));
    assert_eq!(rows(&table)[1], ["4", "5", ""]);
}

#[test]
fn json_comes_as_array_as_lines_and_wrapped() {
    let table = read(br#"[{"a":1,"b":{"c":"x","d":[1,2]}},{"a":null,"e":true}, 3]"#).unwrap();
    assert_eq!(table.header, ["a", "b.c", "b.d", "e"]);
    assert_eq!(rows(&table), [["1", "x", "[1,2]", ""], ["", "", "", "true"]]);
    assert_eq!(table.facts.notes.len(), 1);
    let table = read(b"{\"a\":1}\n{\"a\":2}\nbroken\n").unwrap();
    assert_eq!((table.facts.format, table.rows()), ("json lines", 2));
    let table = read(br#"{"meta":1,"data":[{"a":1},{"a":2}]}"#).unwrap();
    assert_eq!(table.rows(), 2);
}

#[test]
fn what_is_no_table_is_refused_with_what_is_expected() {
    for bytes in [&b""[..], b"  \n \n", b"[1,2,3]", b"[]", b"{oops", b"\0\0\0"] {
        assert!(read(bytes).is_err(), "{bytes:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        if let Ok(table) = read(&bytes) {
            for row in 0..table.rows() { for column in 0..table.header.len() { let _ = table.cell(row, column); } }
        }
    }

    #[test]
    fn what_a_csv_writer_wrote_is_read_back(cells in proptest::collection::vec(proptest::collection::vec("[a-z\",;\n é😀]{0,6}", 3), 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["first", "second", "third"]).unwrap();
        for row in &cells { writer.write_record(row).unwrap(); }
        let bytes = writer.into_inner().unwrap();
        let table = read(&bytes).unwrap();
        proptest::prop_assume!(table.facts.delimiter == Some(','));
        proptest::prop_assert_eq!(rows(&table), cells);
    }
}
