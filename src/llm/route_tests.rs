//! Tests of choosing a provider: the order of `auto`, what may not leave this machine, and that keys are never shown.
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::domain::ErrorKind;
use crate::sys::SystemClock;

fn no_command() -> KeyCommand {
    Arc::new(|_| Box::pin(async { Ok("sk-from-command".to_owned()) }))
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), "/")
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::defaults("/p");
    change(&mut settings);
    settings
}

fn decided(settings: &Settings, variables: &[(&str, &str)]) -> String {
    match decide(settings, &environment(variables), &no_command()) {
        Ok(Choice::Offline) => "offline".into(),
        Ok(Choice::PerhapsOllama) => "perhaps ollama".into(),
        Ok(Choice::Anthropic { base_url, key }) => format!("anthropic {base_url} {key:?}"),
        Ok(Choice::OpenAi { base_url, key, model }) => format!("openai {base_url} {key:?} {}", model.unwrap_or_default()),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Configuration);
            format!("error: {}", error.what)
        }
    }
}

const KEY: [(&str, &str); 1] = [("CLAUDE_API_KEY", "sk-canary")];

#[test]
fn auto_takes_the_key_then_the_address_then_ollama() {
    let plain = settings(|_| {});
    assert_eq!(decided(&plain, &KEY), "anthropic https://api.anthropic.com a key");
    assert_eq!(decided(&plain, &[("ANTHROPIC_API_KEY", "sk-canary")]), "anthropic https://api.anthropic.com a key");
    assert_eq!(decided(&plain, &[]), "perhaps ollama");
    let local = settings(|settings| settings.base_url = Some("http://localhost:1234/v1/".into()));
    assert_eq!(decided(&local, &[]), "openai http://localhost:1234/v1 no key ");
    let gateway = settings(|settings| settings.base_url = Some("http://127.0.0.1:9".into()));
    assert_eq!(decided(&gateway, &KEY), "anthropic http://127.0.0.1:9 a key");
}

#[test]
fn a_key_for_anthropic_does_not_go_to_another_protocols_address() {
    let local = settings(|settings| settings.base_url = Some("http://localhost:1234/v1".into()));
    assert_eq!(decided(&local, &KEY), "openai http://localhost:1234/v1 no key ");
}

#[test]
fn a_named_provider_needs_what_it_needs() {
    let named = |provider, base_url: Option<&str>, model: Option<&str>| {
        settings(|settings| {
            settings.provider = provider;
            settings.base_url = base_url.map(str::to_owned);
            settings.model = model.map(str::to_owned);
        })
    };
    assert_eq!(decided(&named(ProviderChoice::Anthropic, None, None), &[]), "error: there is no key for Anthropic");
    assert_eq!(decided(&named(ProviderChoice::Anthropic, Some("http://127.0.0.1:9/v1"), None), &[]), "anthropic http://127.0.0.1:9 no key");
    assert_eq!(decided(&named(ProviderChoice::OpenAi, None, None), &[]), "error: there is no key for OpenAI");
    assert_eq!(
        decided(&named(ProviderChoice::OpenAi, None, None), &[("OPENAI_API_KEY", "sk-canary")]),
        format!("openai https://api.openai.com/v1 a key {}", openai::DEFAULT_MODEL)
    );
    assert_eq!(
        decided(&named(ProviderChoice::OpenAi, Some("https://u:sk-canary@llm.example/v1"), None), &[]),
        "error: model.name must say which model to use at https://llm.example"
    );
    assert_eq!(
        decided(&named(ProviderChoice::OpenAi, Some("nonsense"), Some("m")), &[]),
        "error: model.base_url is no address that can be read"
    );
    assert_eq!(
        decided(&named(ProviderChoice::OpenAi, Some("ftp://x/v1"), Some("m")), &[]),
        "error: model.base_url is no address that can be read"
    );
    assert_eq!(decided(&named(ProviderChoice::Offline, None, None), &KEY), "offline");
}

#[test]
fn what_may_not_leave_this_machine_does_not() {
    let closed = |provider, base_url: Option<&str>| {
        settings(|settings| {
            settings.provider = provider;
            settings.base_url = base_url.map(str::to_owned);
            settings.model = Some("m".into());
            settings.allow_external_apis = false;
        })
    };
    assert_eq!(decided(&closed(ProviderChoice::Auto, None), &KEY), "perhaps ollama");
    assert!(decided(&closed(ProviderChoice::Anthropic, None), &KEY).starts_with("error: security.allow_external_apis is false"));
    assert!(decided(&closed(ProviderChoice::Auto, Some("https://llm.example/v1")), &[]).starts_with("error: security.allow_external_apis"));
    assert_eq!(decided(&closed(ProviderChoice::Auto, Some("http://[::1]:8080/v1")), &[]), "openai http://[::1]:8080/v1 no key m");
    assert!(decided(&closed(ProviderChoice::OpenAi, Some("http://127.0.0.1.evil.example/v1")), &[]).starts_with("error:"));
}

fn means(ollama: String) -> Means {
    Means { ollama: Some(ollama), ..Means::new(Arc::new(SystemClock), no_command()) }
}

#[test]
fn ollama_is_looked_for_where_its_own_variable_says() {
    let at = |host: &str| ollama_at(&environment(&[("OLLAMA_HOST", host)]));
    assert_eq!(ollama_at(&environment(&[])), OLLAMA);
    assert_eq!(at(" "), OLLAMA);
    assert_eq!(at("127.0.0.1:9"), "http://127.0.0.1:9");
    assert_eq!(at("0.0.0.0"), "http://127.0.0.1:11434");
    assert_eq!(at(":8000"), "http://127.0.0.1:8000");
    assert_eq!(at("http://localhost:8000/"), "http://localhost:8000");
}

#[tokio::test]
async fn an_ollama_that_answers_is_used_with_its_first_model() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = [0; 1024];
        let count = stream.read(&mut seen).await.unwrap();
        let body = r#"{"models":[{"name":"nomic-embed-text:v1"},{"name":"qwen4:8b"}]}"#;
        stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        String::from_utf8_lossy(&seen[..count]).into_owned()
    });
    let provider = choose(&settings(|_| {}), &environment(&[]), &means(format!("http://{address}"))).await.unwrap();
    assert_eq!((provider.name(), provider.default_model()), ("openai", Some("qwen4:8b".into())));
    assert!(server.await.unwrap().starts_with("GET /api/tags "));
}

#[tokio::test]
async fn without_an_ollama_the_offline_provider_is_used() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // A server that accepts and stays silent is not waited for; one that is gone is not either.
    let silent = choose(&settings(|_| {}), &environment(&[]), &means(format!("http://{address}"))).await.unwrap();
    drop(listener);
    let gone = choose(&settings(|_| {}), &environment(&[]), &means(format!("http://{address}"))).await.unwrap();
    assert_eq!((silent.name(), gone.name()), ("offline", "offline"));
}

#[tokio::test]
async fn a_key_or_an_address_decides_without_asking_anybody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let provider = choose(&settings(|_| {}), &environment(&KEY), &means(url.clone())).await.unwrap();
    assert_eq!((provider.name(), provider.default_model().as_deref()), ("anthropic", Some(anthropic::DEFAULT_MODEL)));
    let local = settings(|settings| settings.base_url = Some(format!("{url}/v1")));
    assert_eq!(choose(&local, &environment(&[]), &means(url)).await.unwrap().name(), "openai");
    assert!(futures::poll!(std::pin::pin!(listener.accept())).is_pending(), "nobody was asked");
}
