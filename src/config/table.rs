//! The one table of every option (contract, section 3): key, kind, default, who may set it, and the sentence that documents it. Reads nothing.
use serde_json::Value;

use super::kind::{Kind, MAX_TOKENS};

/// Where the editor lets an option be set (the words of VS Code).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Per folder.
    Resource,
    /// Per window.
    Window,
    /// The person's own settings only: it starts programs.
    Machine,
}

/// What an untrusted project's file may do with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untrusted {
    Yes,
    No,
    OnlyStricter(Stricter),
}

/// What is stricter, option by option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stricter {
    /// A smaller number; a number where there was no limit.
    Lower,
    /// `true` only.
    True,
    /// `false` only.
    False,
    /// A word that stands later in the list of choices.
    LaterChoice,
    /// Some of what is in force, nothing new.
    Fewer,
    /// The same, and not none where none means all.
    FewerNotNone,
    /// Rules that deny or ask.
    NoAllowingRules,
    /// A path inside the project.
    InsideProject,
    /// A larger number where something is cleaned up by it.
    KeepsLonger,
}

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigOption {
    /// `section.name`.
    pub key: &'static str,
    pub kind: Kind,
    /// Whether `null` is a value: none.
    pub nullable: bool,
    /// JSON.
    default: &'static str,
    /// What a number counts; empty for other kinds.
    pub unit: &'static str,
    pub untrusted: Untrusted,
    pub scope: Scope,
    /// Markdown, one or two sentences.
    pub doc: &'static str,
}

const fn option_row(key: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> ConfigOption {
    ConfigOption { key, kind, nullable: false, default, unit: "", untrusted: Untrusted::Yes, scope: Scope::Resource, doc }
}

impl ConfigOption {
    const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }

    const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    const fn only_trusted(mut self) -> Self {
        self.untrusted = Untrusted::No;
        self
    }

    const fn stricter(mut self, stricter: Stricter) -> Self {
        self.untrusted = Untrusted::OnlyStricter(stricter);
        self
    }

    const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The built-in value.
    pub fn default(&self) -> Value {
        serde_json::from_str(self.default).unwrap_or_default()
    }

    /// The part before the dot.
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(section, _)| section)
    }

    /// The part after the dot.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }

    /// `ORCHESTRATOR_SECTION__NAME`.
    pub fn variable(&self) -> String {
        format!("ORCHESTRATOR_{}__{}", self.section().to_uppercase(), self.name().to_uppercase())
    }

    /// `section.name` in camelCase, without the leading `aiOrchestrator.`.
    pub fn editor_key(&self) -> String {
        format!("{}.{}", self.section(), camel_case(self.name()))
    }

    /// The value in its normal form, or why it is wrong.
    pub fn check(&self, value: &Value) -> Result<Value, super::kind::Wrong> {
        if self.nullable && value.is_null() { Ok(Value::Null) } else { self.kind.check(value) }
    }
}

fn camel_case(name: &str) -> String {
    let mut upper = false;
    name.chars().fold(String::new(), |mut text, character| {
        match character {
            '_' => upper = true,
            character if std::mem::take(&mut upper) => text.extend(character.to_uppercase()),
            character => text.push(character),
        }
        text
    })
}

/// The option of that key (`section.name`, or camelCase as editors write it).
pub fn option(key: &str) -> Option<&'static ConfigOption> {
    TABLE.iter().find(|option| option.key == key).or_else(|| TABLE.iter().find(|option| option.editor_key() == key))
}

/// Every key, in the order of the documentation.
pub fn keys() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|option| option.key)
}

/// Every section, in the order of the documentation.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = TABLE.iter().map(ConfigOption::section).collect();
    sections.dedup();
    sections
}

/// Every option, in the order of the documentation.
pub fn options() -> &'static [ConfigOption] {
    TABLE
}

const TURNS: Kind = Kind::Whole { minimum: 1, maximum: 1000 };

#[rustfmt::skip]
static TABLE: &[ConfigOption] = &[
    option_row("workspace.base_dir", Kind::Path, r#""workspaces""#,
        "The folder in which every goal gets a workspace of its own. A relative path starts at the project; `~/` is your home.")
        .stricter(Stricter::InsideProject),
    option_row("workspace.max_workspace_age_days", Kind::Whole { minimum: 0, maximum: 36_500 }, "30",
        "How old an ended workspace may become before `auto_cleanup` removes it.")
        .in_unit("days").stricter(Stricter::KeepsLonger),
    option_row("workspace.auto_cleanup", Kind::Flag, "false",
        "Remove ended workspaces that are too old at start-up, by the same rules as `--cleanup`.")
        .stricter(Stricter::False),
    option_row("agent.default_max_turns", TURNS, "6",
        "Model calls in one step at the most, for agents that state no limit of their own.").in_unit("turns"),
    option_row("agent.max_turns", Kind::TurnsByAgent, "{}",
        "The limit of single agents by name; it goes before the agent's own: `{\"researcher\": 12}`.").in_unit("turns"),
    option_row("agent.default_timeout", Kind::Whole { minimum: 1, maximum: 86_400 }, "300",
        "How long one model call or one tool may make no progress. A keep-alive is no progress; a whole step may take longer.")
        .in_unit("seconds"),
    option_row("agent.cost_tracking", Kind::Flag, "true",
        "Show money and hold budgets in money. Tokens are counted in any case.").stricter(Stricter::True),
    option_row("agent.enable_logging", Kind::Flag, "true", "Write a readable log of every agent to `agent_outputs/`."),
    option_row("agent.max_parallel", Kind::Whole { minimum: 1, maximum: 1000 }, "4", "Agents at work at once in a run.").in_unit("agents"),
    option_row("agent.directory", Kind::Path, r#"".orchestrator/agents""#,
        "Where custom agents are: Markdown files in this folder of the project and of your configuration folder.")
        .stricter(Stricter::InsideProject),
    option_row("model.provider", Kind::Choice(&["auto", "anthropic", "openai", "offline"]), r#""auto""#,
        "Who answers. `auto` takes Anthropic if its key is there, else `base_url`, else a local Ollama that answers, else offline. `openai` is any OpenAI-compatible endpoint.")
        .only_trusted(),
    option_row("model.name", Kind::Text, "null", "The model. Left out: the provider's own choice.").or_null().only_trusted(),
    option_row("model.base_url", Kind::Url, "null",
        "The endpoint. For `anthropic` it ends before `/v1`, for `openai` with it. Left out: the provider's own.").or_null().only_trusted(),
    option_row("model.max_output_tokens", Kind::Whole { minimum: 1, maximum: 10_000_000 }, "null",
        "The longest answer to ask for. Left out: what the model allows.").or_null().in_unit("tokens").only_trusted(),
    option_row("model.api_key_command", Kind::Command, "null",
        "A command that prints the key, for example of a password manager. Keys themselves stand in no file.")
        .or_null().only_trusted().scope(Scope::Machine),
    option_row("model.per_agent", Kind::ModelByAgent, "{}", "The model of single agents by name: `{\"coder\": \"MODEL\"}`.").only_trusted(),
    option_row("model.prices", Kind::Prices, "{}",
        "Prices that go before the built-in, dated table: model → `input`, `output` and, if you like, `cache_read`, `cache_write`, and `context`: the longest prompt in tokens.")
        .in_unit("US dollars for a million tokens").only_trusted(),
    option_row("planner.max_steps", Kind::Whole { minimum: 1, maximum: 1000 }, "12", "Steps in a plan at the most.").in_unit("steps"),
    option_row("budget.per_run_usd", Kind::Money, "1.00",
        "What a run may cost. When it is reached the run pauses and asks; `null` is no limit.").or_null().in_unit("US dollars").stricter(Stricter::Lower),
    option_row("budget.per_run_tokens", Kind::Whole { minimum: 0, maximum: MAX_TOKENS }, "null",
        "Tokens a run may use: input, cached input included, and output. `null` is no limit.").or_null().in_unit("tokens").stricter(Stricter::Lower),
    option_row("budget.per_day_usd", Kind::Money, "10.00",
        "What all your runs of one local day may cost together; `null` is no limit.").or_null().in_unit("US dollars").stricter(Stricter::Lower),
    option_row("approvals.mode", Kind::Choice(&["none", "plan", "steps", "tools"]), r#""plan""#,
        "How much is asked. `none`: the plan is accepted and whatever else would ask is denied; `plan`: the plan and what leaves the workspace; `steps`: each result too; `tools`: each tool call too.")
        .stricter(Stricter::LaterChoice),
    option_row("approvals.rules", Kind::Rules, "[]",
        "Rules about tool calls: `tool`, `agent` and either `path` or `host` are patterns, `decision` is `deny`, `ask` or `allow`. The strictest rule that matches wins. The rules of all layers hold together.")
        .stricter(Stricter::NoAllowingRules),
    option_row("approvals.timeout_minutes", Kind::Whole { minimum: 0, maximum: 525_600 }, "0",
        "How long a question may stay open before the run pauses; 0 waits. Silence never approves.").in_unit("minutes"),
    option_row("security.allow_external_apis", Kind::Flag, "true",
        "False: nothing leaves this machine. Only the offline provider or a model on this machine, no web tools, no MCP.").stricter(Stricter::False),
    option_row("security.restrict_file_access", Kind::Flag, "true",
        "True: the project is read only as `project_read` decides. False: it is read without asking. Writing is confined to the workspace always.")
        .stricter(Stricter::True),
    option_row("security.project_read", Kind::Choice(&["allow", "ask", "deny"]), r#""ask""#,
        "Whether agents may read, search and outline the project. `deny` always wins.").stricter(Stricter::LaterChoice),
    option_row("security.allowed_file_extensions", Kind::Extensions,
        r#"[".md", ".txt", ".json", ".csv", ".py", ".js", ".html", ".css", ".yaml", ".yml", ".svg", ".toml", ".xml", ".sql", ".rs", ".ts", ".tsx", ".jsx", ".go", ".java", ".c", ".h", ".cpp", ".rb"]"#,
        "What agents may write. A file outside the list is refused, and the model is told why.").stricter(Stricter::Fewer),
    option_row("security.sandbox_mode", Kind::Flag, "false",
        "True: no network tools, no MCP, no reading of the project, and tools work in a thread that the kernel locks down where it can.")
        .stricter(Stricter::True),
    option_row("security.allowed_hosts", Kind::Hosts, "[]",
        "Hosts that the web tools may reach; empty is any public host. Private, loopback and link-local addresses are refused unless they are listed here.")
        .stricter(Stricter::FewerNotNone),
    option_row("search.provider", Kind::Choice(&["auto", "searxng", "brave", "tavily", "none"]), r#""auto""#,
        "Who searches the web. `auto` is the model provider's own search, else none."),
    option_row("search.url", Kind::Url, "null", "The address of a SearXNG instance, or another address of the provider chosen.").or_null().only_trusted(),
    option_row("search.key_command", Kind::Command, "null", "A command that prints the key of the search provider.")
        .or_null().only_trusted().scope(Scope::Machine),
    option_row("mcp.servers", Kind::Servers, "{}",
        "MCP servers by name: `command`, `args`, `env` of a program, or `url` and `headers`; `tools` lists the tools that may be used.")
        .only_trusted(),
    option_row("goals.markers", Kind::Texts, r#"["goal:", "TODO(goal)", "@goal"]"#, "The words that mark a goal in a text or a comment."),
    option_row("ui.inline_status", Kind::Choice(&["auto", "lens", "diagnostic", "off"]), r#""auto""#,
        "How the status of a run is shown in documents.").scope(Scope::Window),
    option_row("ui.open_artifacts", Kind::Choice(&["beside", "active", "never"]), r#""beside""#,
        "Where finished artifacts are opened.").scope(Scope::Window),
    option_row("ui.prompt", Kind::Choice(&["auto", "buttons", "message", "off"]), r#""auto""#,
        "How the editor points at an open approval.").scope(Scope::Window),
];
