//! HTTP: the only home of reqwest. Clients are built on first use, so that start-up pays for no TLS. Knows no provider, and never puts an address's
//! credentials or a header into an error.
use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

pub use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Why a request got no answer, or an answer no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpProblem {
    /// Nobody answers there: refused, unreachable, unknown host, failed TLS.
    Connect,
    /// Took too long.
    Timeout,
    /// The connection broke.
    Broken,
    /// The request could not even be made: a bad address or header.
    Invalid,
    /// We refuse to go there.
    Refused,
}

/// A failed exchange, in words without the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpFailure {
    pub problem: HttpProblem,
    pub message: String,
}

/// What is asked for. Header values are treated as secrets.
#[derive(Clone, Default)]
pub struct Ask<'a> {
    pub url: &'a str,
    pub headers: Vec<(&'static str, String)>,
    /// With a body it is a POST, else a GET.
    pub body: Option<Vec<u8>>,
}

/// The hands for HTTP; share one per process.
#[derive(Debug, Default)]
pub struct Http {
    outside: OnceLock<Client>,
    /// For this machine: no proxy, and no TLS roots to load for plain `http`.
    loopback: OnceLock<Client>,
    loopback_tls: OnceLock<Client>,
}

impl Http {
    /// Sends a request and returns when the head of the answer is there. Redirects are not followed: a key must not travel to another host.
    pub async fn send(&self, ask: Ask<'_>) -> Result<Answer, HttpFailure> {
        let url = Url::parse(ask.url).map_err(|error| invalid(format!("the address cannot be read: {error}")))?;
        let client = self.client(&url)?;
        let mut request = if ask.body.is_some() { client.post(url) } else { client.get(url) };
        for (name, value) in &ask.headers {
            let name = HeaderName::from_static(name);
            let mut value =
                HeaderValue::from_str(value).map_err(|_| invalid(format!("the header `{name}` holds characters it must not")))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some(body) = ask.body {
            request = request.header("content-type", "application/json").body(body);
        }
        request.send().await.map(Answer).map_err(|error| failure(&error))
    }

    /// The client for an address, for a protocol library that brings its own requests. It follows no redirect.
    pub fn client_for(&self, url: &str) -> Result<Client, HttpFailure> {
        let url = Url::parse(url).map_err(|error| invalid(format!("the address cannot be read: {error}")))?;
        self.client(&url).cloned()
    }

    fn client(&self, url: &Url) -> Result<&Client, HttpFailure> {
        let plain = url.scheme() == "http";
        let slot = match (loopback(url), plain) {
            (true, true) => &self.loopback,
            (true, false) => &self.loopback_tls,
            (false, _) => &self.outside,
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let builder = match (loopback(url), plain) {
            (true, true) => builder().no_proxy().tls_certs_only([]),
            (true, false) => builder().no_proxy(),
            (false, _) => builder(),
        };
        let client = builder.build().map_err(|error| failure(&error))?;
        Ok(slot.get_or_init(|| client))
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the home of HTTP clients")]
pub(super) fn builder() -> ClientBuilder {
    // The TLS engine is chosen once for the process; a second choice is refused, and the first one stands. `ring` is the one that builds
    // in seconds and without a C++ toolchain.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(KEEPALIVE)
        .redirect(reqwest::redirect::Policy::none())
        // A model's answer comes in small pieces; compressing them would hold them back.
        .gzip(false)
        .user_agent(concat!("ai-orchestrator/", env!("CARGO_PKG_VERSION")))
}

/// The head of an answer; the body is read piece by piece. Dropping it closes the connection.
#[derive(Debug)]
pub struct Answer(reqwest::Response);

impl Answer {
    pub(super) fn new(response: reqwest::Response) -> Self {
        Answer(response)
    }

    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// A header's value, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, HttpFailure> {
        let chunk = self.0.chunk().await.map_err(|error| failure(&error))?;
        Ok(chunk.map(|bytes| bytes.to_vec()))
    }

    /// The body as text, at most `limit` bytes of it; what arrived before a break counts.
    pub async fn text(mut self, limit: usize) -> String {
        let mut body = Vec::new();
        while body.len() < limit {
            match self.chunk().await {
                Ok(Some(chunk)) => body.extend(chunk),
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(limit);
        String::from_utf8_lossy(&body).into_owned()
    }
}

fn invalid(message: String) -> HttpFailure {
    HttpFailure { problem: HttpProblem::Invalid, message }
}

pub(super) fn failure(error: &reqwest::Error) -> HttpFailure {
    let problem = if error.is_timeout() {
        HttpProblem::Timeout
    } else if error.is_connect() {
        HttpProblem::Connect
    } else if error.is_builder() {
        HttpProblem::Invalid
    } else {
        HttpProblem::Broken
    };
    HttpFailure { problem, message: deepest(error) }
}

/// The innermost cause, which is the one that says something and never holds the address.
fn deepest(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return "the request could not be made".into() };
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn loopback(url: &Url) -> bool {
    match url.host_str() {
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host == "localhost"
                || host.ends_with(".localhost")
                || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// Whether an address is on this machine.
pub fn is_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| loopback(&url))
}

/// The host of an address, lower case.
pub fn host(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.host_str()?.to_ascii_lowercase())
}

/// An address as it may be shown: without user, password, query and path.
pub fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.has_host() => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
        }
        _ => "an address that cannot be read".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for url in ["http://localhost:11434/v1", "http://127.0.0.1/", "http://127.9.9.9:1", "https://[::1]:8080/v1", "http://LOCALHOST"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["http://localhost.example.com", "http://127.0.0.1.example.com", "https://10.0.0.1", "nonsense", "http://0.0.0.0:1"] {
            assert!(!is_loopback(url), "{url}");
        }
        assert!(!is_loopback("http://127.0.0.1@evil.example/"));
    }

    #[test]
    fn what_is_shown_of_an_address_holds_no_secret() {
        assert_eq!(shown("https://user:canary@api.example.com:8443/v1?key=canary"), "https://api.example.com:8443");
        assert_eq!(shown("canary"), "an address that cannot be read");
    }

    #[tokio::test]
    async fn nobody_there_is_a_connect_failure_without_the_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("http://127.0.0.1:{port}/canary");
        let failure = Http::default().send(Ask { url: &url, ..Ask::default() }).await.unwrap_err();
        assert_eq!(failure.problem, HttpProblem::Connect);
        assert!(!failure.message.contains("canary"), "{}", failure.message);
    }
}
