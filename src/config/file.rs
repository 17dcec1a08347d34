//! One configuration file: its bytes read, its text taken apart with the place of every value. Knows the table; decides nothing between layers.
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::kind::{Part, Wrong, shown};
use super::problem::{ConfigProblem, Layer, Level, Origin, shown_path};
use super::table::{self, ConfigOption};
use crate::domain::plan::nearest;
use crate::sys::Disk;

/// A configuration file is small; what is larger than this (in bytes) is none.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// A value that was set somewhere, already checked against the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub option: &'static ConfigOption,
    pub value: Value,
    pub origin: Origin,
}

/// What a layer says: the values that are right, and what is wrong with the rest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layered {
    pub entries: Vec<Entry>,
    pub problems: Vec<ConfigProblem>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Layered {
    /// Takes a value into the layer, or its problem; `place_of` finds the place of the part that is wrong.
    pub fn take(&mut self, option: &'static ConfigOption, value: &Value, place_of: impl Fn(&[Part]) -> Origin) {
        match option.check(value) {
            Ok(value) => self.entries.push(Entry { option, value, origin: place_of(&[]) }),
            Err(Wrong { path, message, hint }) => {
                let message = if path.is_empty() { message } else { describe(&path, &message) };
                self.problems.push(ConfigProblem::new(Level::Error, &place_of(&path), Some(option.key), message).hint(hint));
            }
        }
    }
}

fn describe(path: &[Part], message: &str) -> String {
    let index = path.iter().find_map(|part| if let Part::Index(index) = part { Some(index + 1) } else { None });
    index.map_or_else(|| message.to_owned(), |number| format!("entry {number}: {message}"))
}

/// A file that may not be there.
pub struct Source<'a> {
    pub disk: &'a dyn Disk,
    pub file: &'a Path,
    pub project: &'a Path,
    pub layer: Layer,
    /// A person's own files may be links; a project's may not, because a link leaves it.
    pub follow_links: bool,
}

impl Source<'_> {
    /// Reads and takes apart the file; `None` when there is none.
    pub fn load(&self) -> Option<Layered> {
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
            Err(error) => return Some(self.unreadable(&error)),
        };
        let mut layered = match String::from_utf8(bytes) {
            Ok(text) => parse(&text, self.file, self.project, self.layer),
            Err(error) => {
                let line = 1 + error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count();
                let mut origin = self.origin();
                origin.line = u32::try_from(line).ok();
                self.failed(&origin, "the file is not UTF-8 text", "save it as UTF-8")
            }
        };
        layered.files.push(self.file.to_owned());
        Some(layered)
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        let file = if self.follow_links { self.disk.resolve(self.file)? } else { self.file.to_owned() };
        let name = file.file_name().and_then(|name| name.to_str()).ok_or(ErrorKind::NotFound)?;
        self.disk.open(file.parent().ok_or(ErrorKind::NotFound)?)?.read(name, MAX_CONFIG_BYTES)
    }

    fn unreadable(&self, error: &std::io::Error) -> Layered {
        let too_large = format!("the file is larger than {} kB, so it is no configuration", MAX_CONFIG_BYTES / 1024);
        match error.kind() {
            ErrorKind::FileTooLarge => self.failed(&self.origin(), too_large, "remove what does not belong there"),
            ErrorKind::InvalidInput => {
                let hint = if self.follow_links { "put a file there" } else { "put a file there; links are not followed in a project" };
                self.failed(&self.origin(), "it is not a regular file", hint)
            }
            _ => self.failed(&self.origin(), format!("the file cannot be read: {error}"), "check its permissions"),
        }
    }

    fn origin(&self) -> Origin {
        let place = shown_path(self.file, self.project);
        Origin { file: Some(self.file.to_owned()), place, ..Origin::of(self.layer) }
    }

    fn failed(&self, origin: &Origin, message: impl Into<String>, hint: &str) -> Layered {
        let mut origin = origin.clone();
        if let Some(line) = origin.line {
            origin.place = format!("{}:{line}", origin.place);
        }
        let problem = ConfigProblem::new(Level::Error, &origin, None, message).hint(Some(hint.to_owned()));
        Layered { problems: vec![problem], ..Layered::default() }
    }
}

/// Takes apart the text of a configuration file. Comments are allowed; an empty text sets nothing.
pub fn parse(text: &str, file: &Path, project: &Path, layer: Layer) -> Layered {
    let content = text.strip_prefix('\u{feff}').unwrap_or(text);
    let reader = Reader { text, shift: text.len() - content.len(), file, project, layer };
    let options = ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
    };
    let mut layered = Layered::default();
    match parse_to_ast(content, &CollectOptions::default(), &options) {
        Ok(result) => match &result.value {
            Some(ast::Value::Object(object)) => reader.sections(object, &mut layered),
            Some(other) => layered.problems.push(reader.not_an_object("the file", other)),
            None => {}
        },
        Err(error) => {
            let range = error.range();
            let message = format!("the JSON is broken: {}", error.kind().to_string().to_lowercase());
            layered.problems.push(ConfigProblem::new(Level::Error, &reader.origin(range.start..range.end), None, message));
        }
    }
    layered
}

/// Where an option is written in a file: for hovers and completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub option: &'static ConfigOption,
    /// Bytes of the name, quotes included.
    pub name: Range<usize>,
    /// Bytes of the value.
    pub value: Range<usize>,
}

/// The known options in a text, in its order; none where its JSON is broken.
pub fn places(text: &str) -> Vec<Place> {
    let content = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shift = text.len() - content.len();
    let Ok(result) = parse_to_ast(content, &CollectOptions::default(), &ParseOptions::default()) else { return Vec::new() };
    let shifted = |range: Range<usize>| range.start + shift..range.end + shift;
    let root = result.value.as_ref().and_then(ast::Value::as_object);
    let sections = root.into_iter().flat_map(|root| &root.properties);
    let options = sections.filter_map(|section| section.value.as_object().map(|object| (section.name.as_str(), object)));
    let named = options.flat_map(|(section, object)| object.properties.iter().map(move |property| (section, property)));
    named
        .filter_map(|(section, property)| {
            let key = format!("{section}.{}", property.name.as_str());
            let option = table::options().iter().find(|option| option.key == key)?;
            Some(Place { option, name: shifted(span(&property.name)), value: shifted(span(&property.value)) })
        })
        .collect()
}

struct Reader<'a> {
    text: &'a str,
    /// Bytes of a byte order mark before the text that was parsed.
    shift: usize,
    file: &'a Path,
    project: &'a Path,
    layer: Layer,
}

impl Reader<'_> {
    fn sections(&self, root: &ast::Object<'_>, layered: &mut Layered) {
        self.duplicates(root, "", layered);
        for property in &root.properties {
            let name = property.name.as_str();
            match &property.value {
                _ if name == "$schema" => {}
                _ if !table::sections().contains(&name) => layered.problems.push(self.unknown(name, &property.name)),
                ast::Value::Object(object) => self.options(name, object, layered),
                other => layered.problems.push(self.not_an_object(name, other)),
            }
        }
    }

    fn options(&self, section: &str, object: &ast::Object<'_>, layered: &mut Layered) {
        self.duplicates(object, &format!("{section}."), layered);
        for property in &object.properties {
            let key = format!("{section}.{}", property.name.as_str());
            let known = table::options().iter().find(|option| option.key == key);
            match known {
                Some(option) => {
                    let value = to_json(&property.value);
                    layered.take(option, &value, |path| self.origin(find(&property.value, path)));
                }
                None => layered.problems.push(self.unknown(&key, &property.name)),
            }
        }
    }

    fn duplicates(&self, object: &ast::Object<'_>, prefix: &str, layered: &mut Layered) {
        let mut seen = std::collections::BTreeSet::new();
        for property in &object.properties {
            let name = property.name.as_str();
            if !seen.insert(name) {
                let origin = self.origin(span(&property.name));
                let message = "written twice in the file; what stands later wins";
                layered.problems.push(ConfigProblem::new(Level::Warning, &origin, Some(&format!("{prefix}{name}")), message));
            }
        }
    }

    fn unknown(&self, key: &str, name: &ast::ObjectPropName<'_>) -> ConfigProblem {
        ConfigProblem::new(Level::Warning, &self.origin(span(name)), Some(key), "unknown option").hint(unknown_hint(key))
    }

    fn not_an_object(&self, what: &str, found: &ast::Value<'_>) -> ConfigProblem {
        let message = format!("expected an object with options, found {}", shown(&to_json(found)));
        ConfigProblem::new(Level::Error, &self.origin(span(found)), Some(what).filter(|what| *what != "the file"), message)
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        let span = span.start + self.shift..span.end + self.shift;
        let line = 1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
        let place = format!("{}:{line}", shown_path(self.file, self.project));
        let line = u32::try_from(line).ok();
        Origin { file: Some(self.file.to_owned()), line, span: Some(span), place, ..Origin::of(self.layer) }
    }
}

/// What an unknown key may have meant.
pub fn unknown_hint(key: &str) -> Option<String> {
    if let Some((section, name)) = key.split_once('.').filter(|_| table::option(key).is_some()) {
        return Some(format!("options are nested: {{\"{section}\": {{\"{name}\": …}}}}"));
    }
    let name = key.rsplit('.').next().unwrap_or(key);
    let elsewhere = table::keys().find(|known| known.split_once('.').is_some_and(|(_, known)| known == name));
    let near = elsewhere
        .map(str::to_owned)
        .or_else(|| if key.contains('.') { nearest(key, table::keys()) } else { nearest(key, table::sections().into_iter()) });
    near.map(|near| format!("did you mean `{near}`?"))
}

fn span(node: &impl Ranged) -> Range<usize> {
    let range = node.range();
    range.start..range.end
}

/// The place of the part of `value` at the end of `path`, as near as it can be found.
fn find(value: &ast::Value<'_>, path: &[Part]) -> Range<usize> {
    let inner = path.split_first().and_then(|(part, rest)| {
        let inner = match (part, value) {
            (Part::Name(name), ast::Value::Object(object)) => {
                object.properties.iter().rfind(|property| property.name.as_str() == name).map(|property| &property.value)
            }
            (Part::Index(index), ast::Value::Array(array)) => array.elements.get(*index),
            _ => None,
        };
        inner.map(|inner| find(inner, rest))
    });
    inner.unwrap_or_else(|| span(value))
}

fn to_json(value: &ast::Value<'_>) -> Value {
    match value {
        ast::Value::StringLit(text) => Value::from(text.value.as_ref()),
        ast::Value::NumberLit(number) => {
            // A number that no computer holds stays text, and is refused as such.
            serde_json::from_str(number.value).unwrap_or_else(|_| Value::from(number.value))
        }
        ast::Value::BooleanLit(flag) => Value::from(flag.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(array) => array.elements.iter().map(to_json).collect(),
        ast::Value::Object(object) => {
            object.properties.iter().map(|property| (property.name.as_str().to_owned(), to_json(&property.value))).collect()
        }
    }
}
