//! The report people read: a [`Page`] laid out by templates.
//!
//! Everything a template prints is escaped in the way of its form, `| code` prints a value as code, `| duration` prints
//! seconds for people. A directory of templates stands before Lifeboat's own file by file.

use crate::page::Page;
use crate::timeline::duration;
use crate::{html, markdown};
use serde::Serialize;
use std::collections::BTreeMap;
use tera::{Context, Kwargs, State, Tera, Value};

/// The forms a report is laid out in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Markdown, for a repository, a wiki, a ticket.
    Markdown,
    /// One HTML file: no scripts, nothing from elsewhere, pictures as inline SVG.
    Html,
}

impl Form {
    /// Whether a template belongs to this form.
    fn takes(self, name: &str) -> bool {
        name.ends_with(".md") == (self == Self::Markdown)
    }

    /// The template that is rendered.
    pub fn template(self) -> &'static str {
        match self {
            Self::Markdown => "drill.md",
            Self::Html => "drill.html",
        }
    }
}

/// Lifeboat's own templates: those of [`Form::template`], and what they include.
pub const TEMPLATES: [(&str, &str); 16] = [
    ("drill.md", include_str!("../templates/drill.md")),
    ("drill.html", include_str!("../templates/drill.html")),
    ("head.html", include_str!("../templates/head.html")),
    ("style.css", include_str!("../templates/style.css")),
    ("budget.html", include_str!("../templates/budget.html")),
    ("recovery-point.html", include_str!("../templates/recovery-point.html")),
    ("gantt.html", include_str!("../templates/gantt.html")),
    ("trend.html", include_str!("../templates/trend.html")),
    ("timeline.html", include_str!("../templates/timeline.html")),
    ("postmortem.md", include_str!("../templates/postmortem.md")),
    ("postmortem.html", include_str!("../templates/postmortem.html")),
    ("timeline.md", include_str!("../templates/timeline.md")),
    ("timeline-page.html", include_str!("../templates/timeline-page.html")),
    ("timeline-rows.md", include_str!("../templates/timeline-rows.md")),
    ("incident-row.html", include_str!("../templates/incident-row.html")),
    ("incident-rows.html", include_str!("../templates/incident-rows.html")),
];

/// A template of somebody's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTemplate {
    /// The name of the file: that of one of [`TEMPLATES`], or a new one which these include.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A report that could not be made: a template cannot be read, or uses what a page does not have.
#[derive(Debug, thiserror::Error)]
#[error("the templates cannot be used; the names they may use are those of Lifeboat's own")]
pub struct ReportError {
    /// In which template, where, and why.
    #[from]
    pub source: tera::Error,
}

/// The report of a run, finished or not.
///
/// # Errors
/// When a template cannot be read, or uses what a [`Page`] does not have.
pub fn render(form: Form, page: &Page<'_>, own: &[OwnTemplate]) -> Result<String, ReportError> {
    render_as(form, form.template(), page, own)
}

/// Lays a page out by the template of this name.
pub(crate) fn render_as(
    form: Form,
    template: &str,
    page: &impl Serialize,
    own: &[OwnTemplate],
) -> Result<String, ReportError> {
    Templates::read(form, own)?.lay_out(template, page)
}

/// The templates of a form, read once for a page that is laid out in parts.
pub(crate) struct Templates(Tera);

impl Templates {
    pub(crate) fn read(form: Form, own: &[OwnTemplate]) -> Result<Self, ReportError> {
        let mut tera = Tera::default();
        match form {
            Form::Markdown => markdown::teach(&mut tera),
            Form::Html => html::teach(&mut tera),
        }
        tera.register_filter("duration", duration_filter);
        let mut texts: BTreeMap<&str, &str> = TEMPLATES.into_iter().collect();
        texts.extend(own.iter().map(|own| (own.name.as_str(), own.text.as_str())));
        tera.add_raw_templates(texts.into_iter().filter(|(name, _)| form.takes(name)))?;
        Ok(Self(tera))
    }

    pub(crate) fn lay_out(&self, template: &str, page: &impl Serialize) -> Result<String, ReportError> {
        Ok(self.0.render(template, &Context::from_serialize(page)?)?)
    }
}

fn duration_filter(seconds: &Value, _: Kwargs, _: &State<'_>) -> String {
    seconds.as_f64().map_or_else(|| "unknown".to_owned(), duration)
}
