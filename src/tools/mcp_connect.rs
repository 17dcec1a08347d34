//! How a server is reached: a child process's pipes or streamable HTTP, with limits on what it may send. Knows no tool.
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams};
use rmcp::service::{NotificationContext, RunningService, ServiceExt};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, RoleClient};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::sys::http::shown;
use crate::sys::process::KEY_VARIABLES;
use crate::sys::process_server::{Pipes, Program, Serving};
use crate::sys::{Environment, Http};

use super::mcp::{ServerSpec, Way};
use super::mcp_meter::{MAX_BYTES_A_CALL, Meter, Metered, MeteredHttp};

/// The longest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// What is kept of a server's standard error, in bytes, and how much of it goes to the log.
const MAX_SAID_BYTES: usize = 2 * 1024;
const MAX_LOGGED_LINES: usize = 1_000;
/// How long a program may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a server starts in.
#[derive(Clone)]
pub struct Around {
    /// The folder it starts in, absolute.
    pub project: PathBuf,
    /// For `${NAME}` in `env` and `headers`.
    pub environment: Environment,
    /// How long starting, or a list of tools, may take.
    pub limit: Duration,
}

/// Our side of the conversation: it offers the server nothing (no sampling, no files, no questions), and hears when its tools change.
pub(super) struct Face {
    name: String,
    changed: Arc<AtomicBool>,
}

impl ClientHandler for Face {
    fn get_info(&self) -> InitializeRequestParams {
        let us = Implementation::new("ai-orchestrator", env!("CARGO_PKG_VERSION"));
        InitializeRequestParams::new(ClientCapabilities::default(), us)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Relaxed);
    }
}

/// How long a program that ended badly is heard out.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection that stands.
pub(super) struct Live {
    pub(super) service: Option<RunningService<RoleClient, Face>>,
    process: Option<Serving>,
    /// What the server sends is counted; each call begins anew.
    pub(super) meter: Arc<Meter>,
    said: Arc<Mutex<String>>,
    /// A call was given up: the server may hang, so that the next call goes to a fresh one.
    pub(super) given_up: AtomicBool,
}

impl Live {
    pub(super) fn is_usable(&self) -> bool {
        let stands = self.service.as_ref().is_some_and(|service| !service.is_closed() && !service.peer().is_transport_closed());
        stands && !self.given_up.load(Ordering::Relaxed) && !self.meter.is_spent()
    }

    /// Why the connection may have ended, in words.
    pub(super) fn epitaph(&self) -> String {
        if self.meter.is_spent() {
            return format!("it sent more than {} MB and was stopped", MAX_BYTES_A_CALL / 1024 / 1024);
        }
        last_words(&self.said)
    }
}

fn last_words(said: &Mutex<String>) -> String {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if last.is_empty() { "it said nothing more".into() } else { format!("it said: {}", super::described::cut(last, 300)) }
}

impl Drop for Live {
    fn drop(&mut self) {
        let (service, process) = (self.service.take(), self.process.take());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Some(mut service) = service {
                // Closes the program's input, or ends the session of an HTTP server.
                let _ = service.close_with_timeout(PATIENCE).await;
            }
            if let Some(process) = process {
                process.stop(PATIENCE).await;
            }
        });
    }
}

/// Connects and shakes hands. What is wrong is said in words that hold no secret of the configuration.
pub(super) async fn connect(spec: &ServerSpec, around: &Around, changed: &Arc<AtomicBool>) -> Result<Live, String> {
    let face = Face { name: spec.name.clone(), changed: Arc::clone(changed) };
    let connecting = async {
        match &spec.way {
            Way::Program { command, arguments, variables } => program(face, (command, arguments, variables), around).await,
            Way::Address { url, headers } => address(face, (url, headers), around).await,
        }
    };
    match tokio::time::timeout(around.limit, connecting).await {
        Ok(connected) => connected.map_err(|problem| spec.without_secrets(&problem, &around.environment)),
        Err(_) => Err(format!("it did not answer within {} s", around.limit.as_secs())),
    }
}

async fn program(face: Face, way: (&str, &[String], &[(String, String)]), around: &Around) -> Result<Live, String> {
    let variables = expanded(way.2, &around.environment)?;
    let program = Program { command: way.0, arguments: way.1, variables: &variables, folder: &around.project };
    let (process, Pipes { input, output, errors }) = Serving::start(&program)?;
    let said: Arc<Mutex<String>> = Arc::default();
    let secrets = long_values(variables.iter().chain(way.2));
    let listening = tokio::spawn(listen(errors, (face.name.clone(), secrets), Arc::clone(&said)));
    let meter = Meter::new();
    let output = Metered { inner: output, meter: Arc::clone(&meter) };
    let transport = AsyncRwTransport::<RoleClient, _, _>::new(output, input).with_max_line_length(MAX_MESSAGE_BYTES);
    match face.serve(transport).await {
        Ok(service) => Ok(Live { service: Some(service), process: Some(process), meter, said, given_up: AtomicBool::new(false) }),
        Err(error) => {
            // Its last words are on their way when it has just ended.
            process.stop(LAST_WORDS).await;
            let _ = tokio::time::timeout(LAST_WORDS, listening).await;
            Err(format!("it does not speak MCP ({error}); {}", last_words(&said)))
        }
    }
}

async fn address(face: Face, (url, headers): (&str, &[(String, String)]), around: &Around) -> Result<Live, String> {
    let client = Http::default().client_for(url).map_err(|failure| failure.message)?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url);
    config.max_sse_event_size = MAX_MESSAGE_BYTES;
    config.max_json_response_size = MAX_MESSAGE_BYTES;
    for (name, value) in expanded(headers, &around.environment)? {
        let wrong = || format!("the header `{name}` cannot be sent");
        let value = value.parse().map_err(|_| wrong())?;
        config.custom_headers.insert(name.parse().map_err(|_| wrong())?, value);
    }
    let meter = Meter::new();
    let metered = MeteredHttp { inner: client, meter: Arc::clone(&meter) };
    let transport = StreamableHttpClientTransport::with_client(metered, config);
    let service = face.serve(transport).await.map_err(|error| match error.is_authorization_required() {
        true => format!("{} asks to log in; set `headers` of the server", shown(url)),
        false => format!("{} cannot be reached or does not speak MCP: {error}", shown(url)),
    })?;
    Ok(Live { service: Some(service), process: None, meter, said: Arc::default(), given_up: AtomicBool::new(false) })
}

/// `${NAME}` in values stands for a variable of our environment, so that no secret has to stand in a file. The keys of model providers stay here.
fn expanded(values: &[(String, String)], environment: &Environment) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for (name, value) in values {
        let (mut text, mut rest) = (String::new(), value.as_str());
        while let Some((before, after)) = rest.split_once("${") {
            let Some((variable, after)) = after.split_once('}') else { break };
            if KEY_VARIABLES.contains(&variable) {
                return Err(format!("`{name}` asks for {variable}, which no server gets"));
            }
            let missing = || format!("`{name}` asks for the variable {variable}, which is not set");
            text.push_str(before);
            text.push_str(environment.get(variable).ok_or_else(missing)?);
            rest = after;
        }
        text.push_str(rest);
        found.push((name.clone(), text));
    }
    Ok(found)
}

impl ServerSpec {
    /// A message without the address and the values of the configuration that may hold keys.
    pub(super) fn without_secrets(&self, message: &str, environment: &Environment) -> String {
        let (values, url) = match &self.way {
            Way::Program { variables, .. } => (variables, None),
            Way::Address { url, headers } => (headers, Some(url)),
        };
        let mut text = url.map_or_else(|| message.to_owned(), |url| message.replace(url.as_str(), &shown(url)));
        let spoken = expanded(values, environment).unwrap_or_default();
        text = hidden(text, &long_values(spoken.iter().chain(values)));
        super::described::cut(&text, 1_000).to_owned()
    }
}

/// The configured values that are long enough to be secrets.
fn long_values<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> Vec<String> {
    pairs.map(|(_, value)| value.clone()).filter(|value| value.len() >= 6).collect()
}

fn hidden(text: String, secrets: &[String]) -> String {
    secrets.iter().fold(text, |text, secret| if text.contains(secret) { text.replace(secret, "…") } else { text })
}

/// A server's standard error goes to the log, and its end is kept for messages. Read to the end, so that a full pipe never stops the server.
async fn listen(errors: tokio::process::ChildStderr, (name, secrets): (String, Vec<String>), said: Arc<Mutex<String>>) {
    let mut reader = BufReader::new(errors);
    let mut logged = 0;
    loop {
        let Ok(piece) = reader.fill_buf().await else { return };
        let read = piece.len();
        if read == 0 {
            return;
        }
        let text = hidden(String::from_utf8_lossy(piece).into_owned(), &secrets);
        reader.consume(read);
        for line in text.lines().take(MAX_LOGGED_LINES.saturating_sub(logged)) {
            logged += 1;
            tracing::info!(server = %name, "stderr: {}", super::described::cut(line, 1_000));
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&text);
        if said.len() > MAX_SAID_BYTES {
            let from = (said.len() - MAX_SAID_BYTES..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(0);
            said.drain(..from);
        }
        // A value that came in two pieces is whole here.
        *said = hidden(std::mem::take(&mut said), &secrets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::new([("TOKEN_OF_MINE".to_owned(), "canary-1".to_owned()), ("OPENAI_API_KEY".to_owned(), "sk".to_owned())], "/")
    }

    fn one(value: &str) -> Vec<(String, String)> {
        vec![("X".to_owned(), value.to_owned())]
    }

    #[test]
    fn a_value_may_stand_for_a_variable_but_not_for_a_key_of_a_model() {
        assert_eq!(expanded(&one("Bearer ${TOKEN_OF_MINE}!"), &environment()), Ok(one("Bearer canary-1!")));
        assert_eq!(expanded(&one("a $b ${open"), &environment()), Ok(one("a $b ${open")));
        assert!(expanded(&one("${MISSING_ONE}"), &environment()).unwrap_err().contains("MISSING_ONE"));
        assert!(expanded(&one("${OPENAI_API_KEY}"), &environment()).unwrap_err().contains("no server gets"));
    }

    #[test]
    fn what_a_server_says_on_its_error_stream_is_kept_without_its_secrets() {
        let secrets = long_values([one("canary-7"), one("short")].concat().iter());
        assert_eq!(hidden("token canary-7, short".into(), &secrets), "token …, short");
    }

    #[test]
    fn messages_hold_no_secret_of_the_configuration() {
        let way = Way::Address { url: "https://x.example/mcp?key=canary-0".into(), headers: one("Bearer ${TOKEN_OF_MINE}") };
        let spec = ServerSpec { name: "a".into(), way, tools: None };
        let said = spec.without_secrets("sending to https://x.example/mcp?key=canary-0 with Bearer canary-1 failed", &environment());
        assert_eq!(said, "sending to https://x.example with … failed");
    }
}
