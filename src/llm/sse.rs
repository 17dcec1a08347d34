//! Server-sent events from bytes: incremental, any split, any line ending. Knows no provider and opens no connection.
//! The format: <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.

/// The longest line and the longest event, in bytes.
pub const MAX_EVENT: usize = 16 * 1024 * 1024;

/// One event; `data` lines are joined by newlines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    pub event: Option<String>,
    pub data: String,
}

/// A line or an event went past [`MAX_EVENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Turns bytes into events. Feed it with [`SseDecoder::push`], and ask [`SseDecoder::finish`] when the bytes end.
#[derive(Debug)]
pub struct SseDecoder {
    line: Vec<u8>,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    /// Nothing was read yet, so a byte order mark may come.
    at_start: bool,
    event: Option<String>,
    data: Option<String>,
    limit: usize,
}

impl Default for SseDecoder {
    fn default() -> Self {
        SseDecoder::with_limit(MAX_EVENT)
    }
}

impl SseDecoder {
    /// A decoder with a cap of its own, in bytes.
    pub fn with_limit(limit: usize) -> Self {
        SseDecoder { line: Vec::new(), after_cr: false, at_start: true, event: None, data: None, limit }
    }

    /// Takes the next bytes and returns the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, TooLong> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            if self.line.len() + part.len() > self.limit {
                return Err(TooLong);
            }
            self.line.extend_from_slice(part);
            if let Some(ending) = after.first() {
                self.after_cr = *ending == b'\r';
                events.extend(self.end_line()?);
            }
            rest = after.get(1..).unwrap_or_default();
        }
        Ok(events)
    }

    /// The event at the very end that no blank line closed, if there is one. It may be cut: whoever reads it must be able to tell.
    pub fn finish(mut self) -> Option<SseEvent> {
        if !self.line.is_empty() && self.end_line().is_err() {
            return None;
        }
        self.dispatch()
    }

    fn end_line(&mut self) -> Result<Option<SseEvent>, TooLong> {
        let line = std::mem::take(&mut self.line);
        let mut text = String::from_utf8_lossy(&line);
        if std::mem::take(&mut self.at_start)
            && let Some(rest) = text.strip_prefix('\u{feff}')
        {
            text = rest.to_owned().into();
        }
        if text.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(None)
    }

    fn field(&mut self, field: &str, value: &str) -> Result<(), TooLong> {
        match field {
            "event" => self.event = Some(value.to_owned()),
            "data" => self.add_data(value)?,
            // Older llama.cpp servers report a failure as a bare `error: {…}` line.
            "error" => {
                self.event = Some("error".to_owned());
                self.add_data(value)?;
            }
            // A comment (the field is empty), `id`, `retry`, and whatever a later version brings.
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, value: &str) -> Result<(), TooLong> {
        if self.data.as_ref().map_or(0, String::len) + value.len() > self.limit {
            return Err(TooLong);
        }
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let event = self.event.take();
        let data = self.data.take().filter(|data| !data.trim().is_empty())?;
        Some(SseEvent { event, data })
    }
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
