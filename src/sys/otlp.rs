//! Sends finished spans to an OpenTelemetry collector on this machine: OTLP over HTTP, as JSON. Never to another machine, and never in a run's way.
use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::domain::{Error, Result};

use super::clock::{Clock, SystemClock};
use super::env::Environment;
use super::http::{Ask, Http, is_loopback};

/// A batch is sent when no span has ended for this long, or when it is full.
const PAUSE: Duration = Duration::from_millis(500);
const BATCH: usize = 256;
/// What is waited for the collector: each time, and at the end of the process.
const PATIENCE: Duration = Duration::from_secs(2);

enum Message {
    Span(Value),
    /// Send everything, then say so.
    Finish(Sender<()>),
}

/// Collects spans; a layer of a `tracing` subscriber.
pub struct SpanLayer(Sender<Message>);

/// The sending side, kept until the process ends.
pub struct Exporter(Sender<Message>);

/// `None` unless `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
pub fn start(environment: &Environment) -> Option<Result<(SpanLayer, Exporter)>> {
    let url = match environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
        Some(url) => url.to_owned(),
        None => format!("{}/v1/traces", environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")?.trim_end_matches('/')),
    };
    if !is_loopback(&url) {
        let error = Error::configuration("spans are sent to a collector on this machine only")
            .hint("set OTEL_EXPORTER_OTLP_ENDPOINT to a local collector, which can pass them on");
        return Some(Err(error));
    }
    let service = environment.get("OTEL_SERVICE_NAME").unwrap_or("ai-orchestrator").to_owned();
    let (sender, messages) = mpsc::channel();
    let thread = std::thread::Builder::new().name("spans".into()).spawn(move || send_all(&messages, &url, &service));
    Some(match thread {
        Ok(_) => Ok((SpanLayer(sender.clone()), Exporter(sender))),
        Err(error) => Err(Error::internal(format!("starting the exporter of spans: {error}"))),
    })
}

impl Exporter {
    /// Sends what is left; gives up after two seconds.
    pub fn finish(self) {
        let (sent, done) = mpsc::channel();
        if self.0.send(Message::Finish(sent)).is_ok() {
            let _ = done.recv_timeout(PATIENCE);
        }
    }
}

/// Waits without polling: for as long as it takes for a first span, and then for a pause.
fn send_all(messages: &Receiver<Message>, url: &str, service: &str) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let http = Http::default();
    let post = |spans: Vec<Value>| {
        if spans.is_empty() {
            return;
        }
        let body = envelope(service, spans).to_string().into_bytes();
        let ask = Ask { url, headers: Vec::new(), body: Some(body) };
        // A collector that is away costs its spans and nothing else.
        let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, http.send(ask)).await.map(|sent| sent.is_ok()) });
    };
    while let Ok(first) = messages.recv() {
        let mut spans = Vec::new();
        let mut next = Ok(first);
        while let Ok(Message::Span(span)) = next {
            spans.push(span);
            if spans.len() >= BATCH {
                post(std::mem::take(&mut spans));
            }
            next = messages.recv_timeout(PAUSE);
        }
        post(spans);
        match next {
            Ok(Message::Finish(done)) => {
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(Message::Span(_)) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn envelope(service: &str, spans: Vec<Value>) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [attribute("service.name", &json!(service)), attribute("service.version", &json!(env!("CARGO_PKG_VERSION")))]},
        "scopeSpans": [{"scope": {"name": "ai_orchestrator", "version": env!("CARGO_PKG_VERSION")}, "spans": spans}],
    }]})
}

/// A field in the protocol's own JSON: whole numbers are strings there.
fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) if key == "gen_ai.response.finish_reasons" => json!({"arrayValue": {"values": [{"stringValue": text}]}}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": key, "value": value})
}

/// A span that is open.
struct OpenSpan {
    trace: String,
    id: String,
    parent: Option<String>,
    start: i64,
    fields: Fields,
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), json!(format!("{value:?}")));
    }
}

impl<S> Layer<S> for SpanLayer
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let above = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            extensions.get::<OpenSpan>().map(|open| (open.trace.clone(), open.id.clone()))
        });
        let noise = || format!("{:016x}", SystemClock.noise().max(1));
        let (trace, parent) = match above {
            Some((trace, parent)) => (trace, Some(parent)),
            None => (noise() + &noise(), None),
        };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(OpenSpan { trace, id: noise(), parent, start: nanoseconds(), fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<OpenSpan>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(open) = span.extensions_mut().remove::<OpenSpan>() {
            let _ = self.0.send(Message::Span(finished(open, span.name())));
        }
    }
}

fn nanoseconds() -> i64 {
    SystemClock.now().timestamp_nanos_opt().unwrap_or(0)
}

fn finished(mut open: OpenSpan, name: &str) -> Value {
    let fields = &mut open.fields.0;
    let name = fields.remove("otel.name").unwrap_or_else(|| json!(name));
    // Numbers of the protocol's enumeration: internal and client.
    let kind = if fields.remove("otel.kind") == Some(json!("client")) { 3 } else { 1 };
    let failed = fields.contains_key("error.type");
    let mut span = json!({
        "traceId": open.trace,
        "spanId": open.id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": open.start.to_string(),
        "endTimeUnixNano": nanoseconds().to_string(),
        "attributes": fields.iter().map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
        "status": if failed { json!({"code": 2}) } else { json!({}) },
    });
    if let Some(parent) = open.parent {
        span["parentSpanId"] = json!(parent);
    }
    span
}
