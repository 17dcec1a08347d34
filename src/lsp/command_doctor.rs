//! The doctor's report, for people and for clients.
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config;
use crate::domain::Error;
use crate::orchestrator::doctor::{self, Facts, Problem};
use crate::sys::{Clock, SystemClock};

use super::client::{Client, Feature};
use super::commands::{Call, answer_beside};
use super::main_loop::Done;
use super::state::State;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DoctorArgument {
    open: bool,
}

/// What is known of the client.
fn about(client: &Client) -> Value {
    json!({
        "name": format!("{:?}", client.name),
        "prompts": client.may(Feature::Prompt),
        "showDocument": client.may(Feature::ShowDocument),
        "progress": client.may(Feature::Progress),
        "lensRefresh": client.may(Feature::LensRefresh),
        "diagnostics": client.may(Feature::Diagnostics),
    })
}

pub fn doctor(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<DoctorArgument>() else { return };
    let project = state.setup.project_of(None);
    let (engine, layers) = (state.setup.engine(&project), state.setup.layers(&project));
    let client = about(&state.client);
    let inputs = state.inputs.clone();
    answer_beside(reply, async move {
        let (provider, offered) = doctor::look_at_provider(engine.get().await).await;
        let runs = match engine.reader().await {
            Ok(reader) => reader.list(20).await,
            Err(error) => Err(error),
        };
        let loaded = {
            let layers = layers.clone();
            tokio::task::spawn_blocking(move || config::load(&layers)).await.map_err(|_| Error::internal("the doctor broke off"))?
        };
        let servers = doctor::look_at_servers(&loaded.settings, &layers.environment).await;
        let examined = tokio::task::spawn_blocking(move || {
            let problem = |problem: &config::ConfigProblem| Problem {
                is_error: problem.level == config::Level::Error,
                message: problem.to_string(),
                hint: problem.hint.clone(),
            };
            let facts = Facts {
                disk: &*layers.disk,
                environment: &layers.environment,
                settings: &loaded.settings,
                problems: loaded.problems.iter().map(problem).collect(),
                provider,
                offered,
                runs,
                servers,
                noise: SystemClock.noise(),
            };
            let report = doctor::examine(&facts);
            let folder = argument.open.then(|| layers.disk.create_and_open(&loaded.settings.base_dir)).transpose();
            let shown = folder.and_then(|folder| match folder {
                Some(folder) => folder
                    .replace("doctor.md", report.markdown().as_bytes(), false)
                    .map(|()| Some(loaded.settings.base_dir.join("doctor.md"))),
                None => Ok(None),
            });
            (report, shown.ok().flatten())
        });
        let (report, shown) = examined.await.map_err(|_| Error::internal("the doctor broke off"))?;
        if let Some(path) = shown {
            inputs.done(Done::Show(path));
        }
        let mut report = json!(report);
        report["client"] = client;
        Ok(report)
    });
}
