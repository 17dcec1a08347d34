//! HTTP to addresses that a model chose: every IP address is checked after the name was resolved, and the connection goes to the checked one.
//! Follows no redirect, sends no credentials, uses no proxy (which would resolve names out of our sight).
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::address::{WebAddress, address_refusal, host_refusal};

use super::http::{Answer, HttpFailure, HttpProblem, builder, failure};

/// Says who asks, so that a site can tell us from a person.
const USER_AGENT: &str = concat!("ai-orchestrator/", env!("CARGO_PKG_VERSION"), " (+agent)");
/// What we can read, the readable first.
const ACCEPT: &str = "text/html,application/xhtml+xml,text/markdown,text/plain,application/json;q=0.9,*/*;q=0.5";

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's resolver.
pub fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Checks what it resolves; hyper connects to nothing else.
struct Guard {
    lookup: Lookup,
    allowed: Arc<Vec<String>>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, allowed) = (Arc::clone(&self.lookup), Arc::clone(&self.allowed));
        let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
        Box::pin(async move {
            let found = lookup(host.clone()).await?;
            // One private address among public ones refuses the name: which of them is used is not ours to say.
            if let Some(reason) = found.iter().find_map(|address| address_refusal(&host, *address, &allowed)) {
                return Err(reason.into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// The hands for addresses that a model chose; share one per process.
pub struct GuardedHttp {
    lookup: Lookup,
    allowed: Arc<Vec<String>>,
    client: OnceLock<Client>,
}

impl GuardedHttp {
    /// `allowed` is `security.allowed_hosts`: empty is any public host.
    pub fn new(lookup: Lookup, allowed: Vec<String>) -> Self {
        GuardedHttp { lookup, allowed: Arc::new(allowed), client: OnceLock::new() }
    }

    /// Asks for an address and returns when the head of the answer is there; bodies come decompressed.
    pub async fn get(&self, address: &WebAddress) -> Result<Answer, HttpFailure> {
        let host = address.host();
        let refused = |message: String| HttpFailure { problem: HttpProblem::Refused, message };
        let literal = address.ip().and_then(|ip| address_refusal(&host, ip, &self.allowed));
        if let Some(reason) = host_refusal(&host, &self.allowed).or(literal) {
            return Err(refused(reason));
        }
        let request = self.client()?.get(address.as_str()).header("accept", ACCEPT);
        let response = request.send().await.map_err(|error| failure(&error))?;
        // What was connected to is what was checked; this holds the promise against a change in the client below.
        let connected = response.remote_addr().and_then(|remote| address_refusal(&host, remote.ip(), &self.allowed));
        connected.map_or_else(|| Ok(Answer::new(response)), |reason| Err(refused(reason)))
    }

    fn client(&self) -> Result<&Client, HttpFailure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let guard = Guard { lookup: Arc::clone(&self.lookup), allowed: Arc::clone(&self.allowed) };
        let built = builder().gzip(true).no_proxy().referer(false).user_agent(USER_AGENT).dns_resolver(guard).build();
        let client = built.map_err(|error| failure(&error))?;
        Ok(self.client.get_or_init(|| client))
    }
}
