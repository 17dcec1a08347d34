//! A small web on this machine: each path has one raw answer, and every request is counted.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a path answers with.
#[derive(Clone)]
pub enum Served {
    /// These bytes, then the connection closes.
    Bytes(Vec<u8>),
    /// This head, then zeros without end.
    Endless(&'static str),
    /// These bytes, then nothing: the connection stays open.
    Stalls(Vec<u8>),
}

/// The web; it ends with the test's runtime.
pub struct Pages {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

/// A whole answer.
pub fn page(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Served {
    let mut bytes = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n", body.as_ref().len()).into_bytes();
    for header in headers {
        bytes.extend(format!("{header}\r\n").into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body.as_ref());
    Served::Bytes(bytes)
}

/// A page of HTML.
pub fn html(body: &str) -> Served {
    page("200 OK", &["content-type: text/html; charset=utf-8"], body)
}

/// An answer that leads elsewhere.
pub fn redirect(location: &str) -> Served {
    page("302 Found", &[&format!("location: {location}")], "")
}

impl Pages {
    /// Opens a web; `pages` gets its port, for whole addresses in redirects.
    pub async fn open(pages: impl FnOnce(u16) -> Vec<(&'static str, Served)>) -> Pages {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages: Arc<BTreeMap<&str, Served>> = Arc::new(pages(port).into_iter().collect());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&pages), Arc::clone(&log)));
            }
        });
        Pages { port, seen }
    }

    /// The requests so far: first line and headers.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

async fn serve(mut stream: TcpStream, pages: Arc<BTreeMap<&'static str, Served>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(head);
    match pages.get(path.as_str()) {
        Some(Served::Bytes(bytes)) => {
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
        }
        Some(Served::Endless(head)) => {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[b' '; 64 * 1024]).await.is_ok() {}
        }
        Some(Served::Stalls(bytes)) => {
            let _ = stream.write_all(bytes).await;
            let _ = stream.read(&mut buffer).await;
        }
        None => {
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 4\r\n\r\ngone").await;
        }
    }
}
