//! Tests of reading bodies: kinds, characters, and the walls that must never pass for content.
use super::*;

fn read(bytes: &[u8], content_type: &str) -> Result<Text, String> {
    let address = WebAddress::parse("https://example.com/page").unwrap();
    text(&Body { bytes, content_type, address: &address, redirected: false })
}

#[test]
fn characters_are_read_by_header_page_or_fit() {
    let latin = b"<html><p>caf\xe9</p></html>";
    let latin_stated = b"<meta charset=iso-8859-1><p>caf\xe9</p>";
    let old_form = b"<meta http-equiv=Content-Type content='text/html; charset=windows-1251'><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>";
    let japanese = b"<meta charset=\"shift_jis\"><p>\x93\xfa\x96\x7b</p>";
    for (bytes, header, expected) in [
        (&latin[..], "text/html; charset=ISO-8859-1", "café"),
        (latin, "text/html", "café"),
        // The header is wrong: the bytes are no UTF-8.
        (latin, "text/html; charset=utf-8", "café"),
        (latin_stated, "text/html; charset=\"utf-8\"", "café"),
        (latin_stated, "text/html", "café"),
        (old_form, "text/html", "Привет"),
        (japanese, "text/html", "日本"),
        ("<p>caf\u{e9}</p>".as_bytes(), "text/html", "café"),
        (b"\xff\xfe<\0p\0>\0o\0k\0", "text/html; charset=utf-8", "ok"),
        (latin, "text/html; charset=no-such-thing", "café"),
    ] {
        let page = read(bytes, header).unwrap();
        assert!(page.text.contains(expected) && !page.lossy, "{header}: {}", page.text);
    }
}

#[test]
fn text_and_json_come_as_they_are() {
    assert_eq!(read(b"a < b\n", "text/plain").unwrap().text, "a < b\n");
    assert_eq!(read(b"{\"a\": 1}", "application/json").unwrap().text, "{\"a\": 1}");
    assert_eq!(read(b"<feed/>", "application/atom+xml").unwrap().text, "<feed/>");
    assert_eq!(read(b"plain", "").unwrap().kind, "text/plain");
    assert_eq!(read(b"  <!DOCTYPE html><p>x", "").unwrap().kind, "text/html");
}

#[test]
fn what_is_no_text_is_refused_with_its_kind() {
    assert!(read(b"%PDF-1.7", "application/octet-stream").unwrap_err().contains("PDF"));
    let print = include_bytes!("../../tests/fixtures/pdf/tides.pdf");
    for kind in ["application/pdf", "application/octet-stream", "", "text/html"] {
        let text = read(print, kind).unwrap();
        assert!(
            text.kind == "application/pdf" && text.title == "Tides of the North Sea" && text.text.contains("was 2.97 m in 2024"),
            "{kind}"
        );
    }
    let login = read(b"<html><title>Sign in</title><form><input type=password></form><p>Sign in to go on.", "application/pdf").unwrap_err();
    assert!(login.contains("log in"), "{login}");
    assert!(read(b"\x89PNG\r\n\x1a\n\0\0", "image/png").unwrap_err().contains("image/png"));
    assert!(read(b"\x7fELF\0\0", "").unwrap_err().contains("not text"));
    assert!(read(b"a\0b", "text/plain").unwrap_err().contains("binary"));
}

#[test]
fn an_error_in_json_is_an_error() {
    for body in [r#"{"error":{"code":404}}"#, r#"{"errors":["no"],"data":null}"#, r#"{"error":"quota"}"#] {
        assert!(read(body.as_bytes(), "application/json").unwrap_err().contains("error"), "{body}");
    }
    for body in [r#"{"error":null,"x":1}"#, r#"{"errors":[],"items":[1]}"#, r#"{"error":"partial","data":[1]}"#, r#"[{"error":"x"}]"#] {
        assert!(read(body.as_bytes(), "application/json").is_ok(), "{body}");
    }
}

#[test]
fn walls_are_not_content() {
    for (html, word) in [
        ("<h1>Sign in</h1><form><input name=user><input type=password></form>", "log in"),
        ("<title>Just a moment...</title><p>Checking your browser before accessing the site.</p>", "person"),
        ("<p>Please complete the CAPTCHA to go on.</p>", "person"),
        ("<p>We use cookies and similar technologies.</p><p>Accept all, or manage preferences.</p>", "cookies"),
        ("<noscript>x</noscript><p>You need to enable JavaScript to run this app.</p>", "scripts"),
        ("<div id=root></div><script src=a.js></script>", "no text"),
        ("<title>404 Not Found</title><h1>Oops</h1>", "error page"),
        ("<title>Access Denied</title><p>Reference 18.2</p>", "error page"),
    ] {
        let refusal = read(html.as_bytes(), "text/html").unwrap_err();
        assert!(refusal.contains(word), "{html}: {refusal}");
    }
}

#[test]
fn an_article_about_walls_is_content() {
    let article = format!(
        "<title>Cookie consent explained</title><p>{}</p><form><input type=password></form>",
        "Sites ask to accept all cookies, show a captcha or ask to enable JavaScript. ".repeat(40)
    );
    assert!(read(article.as_bytes(), "text/html").is_ok());
    assert!(read(b"<title>Error handling in Rust</title><p>A short note that says much.</p>", "text/html").is_ok());
    assert!(read(b"<title>Tides</title><p>A short note.</p>", "text/html").is_ok());
}

#[test]
fn a_redirect_to_a_log_in_is_one() {
    let address = WebAddress::parse("https://example.com/account/login?next=/page").unwrap();
    let page = |redirected| text(&Body { bytes: b"<p>Welcome back</p>", content_type: "text/html", address: &address, redirected });
    assert!(page(true).unwrap_err().contains("log in"));
    assert!(page(false).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), kind in "[a-z/+;= -]{0,30}") {
        let _ = (read(&bytes, &kind), read(&bytes, "text/html"), read(&bytes, ""));
    }
}
