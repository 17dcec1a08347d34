//! The list of models: what the doctor says of the endpoint, and completion of models' names in an editor. Every request is counted.
use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};

use crate::machine::{Machine, Said};
use crate::support::editor::{Editor, uri};
use crate::support::model_server::{ModelServer, Scripted};

const KEY: &str = "sk-canary-list";

fn list(names: &[&str]) -> Scripted {
    let data: Vec<Value> = names.iter().map(|name| json!({"id": name, "object": "model"})).collect();
    Scripted::json(200, &json!({"object": "list", "data": data, "has_more": false}).to_string())
}

/// What the doctor of a fresh machine says of the provider, and its exit code.
async fn provider(variables: Vec<(&'static str, String)>) -> (String, String, i32) {
    tokio::task::spawn_blocking(move || {
        let machine = Machine::new();
        let said = Said::of(machine.command(&["doctor", "--json"]).envs(variables).output().unwrap());
        assert!(!said.out.contains(KEY) && !said.err.contains(KEY), "{}{}", said.out, said.err);
        let report: Value = serde_json::from_str(&said.out).unwrap();
        let check = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "provider").unwrap();
        let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
        (text("status"), format!("{} {}", text("message"), text("hint")), said.code)
    })
    .await
    .unwrap()
}

fn openai(url: &str, model: &str) -> Vec<(&'static str, String)> {
    vec![
        ("ORCHESTRATOR_MODEL__PROVIDER", "openai".to_owned()),
        ("ORCHESTRATOR_MODEL__NAME", model.to_owned()),
        ("ORCHESTRATOR_MODEL__BASE_URL", format!("{url}/v1")),
        ("OPENAI_API_KEY", KEY.to_owned()),
    ]
}

fn anthropic(url: &str, model: &str) -> Vec<(&'static str, String)> {
    vec![
        ("ORCHESTRATOR_MODEL__NAME", model.to_owned()),
        ("ORCHESTRATOR_MODEL__BASE_URL", url.to_owned()),
        ("ANTHROPIC_API_KEY", KEY.to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_whether_the_endpoint_answers_and_offers_the_model() {
    let models = ["tide-large", "tide-small"];
    for is_openai in [true, false] {
        let variables = |url: &str, model: &str| if is_openai { openai(url, model) } else { anthropic(url, model) };
        let server = ModelServer::start(vec![list(&models), list(&models)]).await;
        let (status, said, code) = provider(variables(&server.url, "tide-small")).await;
        assert!(status == "ok" && said.contains("answers and offers `tide-small`") && code == 0, "{status} {said}");
        let (status, said, _) = provider(variables(&server.url, "tide-smal")).await;
        assert!(status == "warning" && said.contains("`tide-smal`") && said.contains("tide-large, tide-small"), "{status} {said}");
        let seen = server.seen();
        let (path, header) = if is_openai { ("/v1/models", "authorization") } else { ("/v1/models?limit=1000", "x-api-key") };
        assert!(seen.len() == 2 && seen.iter().all(|seen| seen.method == "GET" && seen.path == path), "{seen:?}");
        assert!(seen[0].header(header).unwrap().contains(KEY));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_so_when_the_endpoint_refuses_is_not_there_or_has_no_list() {
    let refused = json!({"error": {"type": "authentication_error", "message": "invalid x-api-key", "code": "invalid_api_key"}}).to_string();
    let server = ModelServer::start(vec![Scripted::json(401, &refused), Scripted::json(401, &refused), Scripted::json(404, "{}")]).await;
    for variables in [openai(&server.url, "m"), anthropic(&server.url, "m")] {
        let (status, said, code) = provider(variables).await;
        assert!(status == "failed" && said.contains("key was refused") && said.contains("check the key") && code == 1, "{status} {said}");
    }
    let (status, said, code) = provider(openai(&server.url, "m")).await;
    assert!(status == "warning" && said.contains("no list of models") && code == 0, "{status} {said}");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let (status, said, code) = provider(openai(&url, "m")).await;
    assert!(status == "failed" && said.contains("nobody answers at") && said.contains("model.base_url") && code == 1, "{status} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_of_an_ollama_names_its_model_and_without_leave_nobody_outside_is_asked() {
    let tags = Scripted::json(200, &json!({"models": [{"name": "tide:latest"}]}).to_string());
    let server = ModelServer::start(vec![tags, list(&["tide:latest"])]).await;
    let (status, said, _) = provider(vec![("OLLAMA_HOST", server.url.clone())]).await;
    assert!(status == "ok" && said.contains("offers `tide:latest`"), "{status} {said}");
    let mut outside = openai("http://models.invalid", "m");
    outside.push(("ORCHESTRATOR_SECURITY__ALLOW_EXTERNAL_APIS", "false".to_owned()));
    let (status, said, _) = provider(outside).await;
    assert!(status == "failed" && said.contains("allow_external_apis"), "{status} {said}");
}

async fn editor(folder: &std::path::Path, variables: &[(&str, &str)]) -> Editor {
    let path = |name: &str| (name.to_owned(), folder.join(name).to_string_lossy().into_owned());
    let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let folders = [path("XDG_CONFIG_HOME"), path("XDG_STATE_HOME"), path("XDG_RUNTIME_DIR")];
    let mut editor = Editor::like("zed")
        .folder(folder)
        .environment(Environment::new(folders.into_iter().chain(own), folder))
        .answer("workspace/configuration", |_| Some(json!([null])))
        .start()
        .await;
    // An engine that was built says so where it shows.
    for method in ["textDocument/publishDiagnostics", "workspace/codeLens/refresh", "window/showMessage"] {
        editor.ignore(method);
    }
    editor
}

async fn completed(editor: &mut Editor, file: &str, (line, character): (u32, u32)) -> Vec<(String, Value)> {
    let params = json!({"textDocument": {"uri": file}, "position": {"line": line, "character": character}});
    let items = editor.request("textDocument/completion", params).await.unwrap();
    let item = |item: &Value| (item["label"].as_str().unwrap().to_owned(), item["textEdit"].clone());
    items.as_array().map(|items| items.iter().map(item).collect()).unwrap_or_default()
}

#[tokio::test]
async fn names_of_models_are_completed_in_goals_agents_and_settings_and_asked_for_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelServer::start(vec![list(&["tide-large", "tide-small"])]).await;
    let url = format!("{}/v1", server.url);
    let variables = [("ORCHESTRATOR_MODEL__BASE_URL", url.as_str()), ("OPENAI_API_KEY", KEY)];
    let mut editor = editor(folder.path(), &variables).await;
    let goal = uri(&folder.path().join("x.goal.md"));
    editor.open(&goal, "markdown", "---\nmodel: ti\n---\nWrite.\n").await;
    assert!(server.seen().is_empty(), "asked before anybody wanted a name");
    let items = completed(&mut editor, &goal, (1, 9)).await;
    assert_eq!(items.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(), ["tide-large", "tide-small"]);
    let range = json!({"start": {"line": 1, "character": 7}, "end": {"line": 1, "character": 9}});
    assert_eq!(items[0].1, json!({"range": range, "newText": "tide-large"}));
    let agent = uri(&folder.path().join(".orchestrator/agents/poet.md"));
    editor.open(&agent, "markdown", "---\nname: poet\nmodel: \n---\nWrite.\n").await;
    assert_eq!(completed(&mut editor, &agent, (2, 7)).await.len(), 2);
    let settings = uri(&folder.path().join("orchestrator.json"));
    editor.open(&settings, "json", "{\"model\": {\"name\": , \"per_agent\": {\"coder\": \"\"}}}").await;
    assert_eq!(completed(&mut editor, &settings, (0, 19)).await[1].1["newText"], "\"tide-small\"");
    assert_eq!(completed(&mut editor, &settings, (0, 45)).await[1].1["newText"], "tide-small");
    assert_eq!(server.seen().len(), 1, "the list is kept");
    editor.close().await;
}

#[tokio::test]
async fn without_an_endpoint_no_name_is_completed_and_nobody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let server = ModelServer::start(Vec::new()).await;
    let base = format!("{}/v1", server.url);
    for variables in [
        vec![("ORCHESTRATOR_MODEL__PROVIDER", "offline"), ("ORCHESTRATOR_MODEL__BASE_URL", base.as_str())],
        // The command that prints a key may ask a person: completion does not start it.
        vec![("ORCHESTRATOR_MODEL__BASE_URL", base.as_str()), ("ORCHESTRATOR_MODEL__API_KEY_COMMAND", "touch started")],
        vec![("ORCHESTRATOR_MODEL__BASE_URL", "http://models.invalid/v1"), ("ORCHESTRATOR_SECURITY__ALLOW_EXTERNAL_APIS", "false")],
    ] {
        let mut editor = editor(folder.path(), &variables).await;
        let goal = uri(&folder.path().join("x.goal.md"));
        editor.open(&goal, "markdown", "---\nmodel: \n---\nWrite.\n").await;
        assert!(completed(&mut editor, &goal, (1, 7)).await.is_empty(), "{variables:?}");
        editor.close().await;
    }
    assert!(server.seen().is_empty() && !folder.path().join("started").exists());
}
