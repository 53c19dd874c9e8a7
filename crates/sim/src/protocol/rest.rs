//! restJson1: method and path name the operation; parameters are in path, query string and body.

use serde_json::Value;

use super::{ApiError, Document, Incoming, json};
use crate::wire::Request;

/// How one operation is called.
#[derive(Debug)]
pub struct Route {
    /// The operation.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path; `{Name}` stands for a segment that is the member of this name. Whether it ends in a slash does not
    /// matter.
    pub path: &'static str,
    /// Members in the query string: their names there and in the API.
    pub query: &'static [(&'static str, &'static str)],
    /// The HTTP status of a good reply.
    pub status: u16,
}

impl Route {
    /// A route whose good reply has status 200.
    pub const fn new(
        operation: &'static str,
        method: &'static str,
        path: &'static str,
        query: &'static [(&'static str, &'static str)],
    ) -> Route {
        Route { operation, method, path, query, status: 200 }
    }

    /// The members in the path, if the request is for this operation.
    fn labels(&self, method: &str, path: &[String]) -> Option<Vec<(&'static str, String)>> {
        let wanted: Vec<&'static str> = segments(self.path).collect();
        if method != self.method || wanted.len() != path.len() {
            return None;
        }
        let mut labels = Vec::new();
        for (wanted, segment) in wanted.into_iter().zip(path) {
            match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => labels.push((name, segment.clone())),
                None if wanted == segment => (),
                None => return None,
            }
        }
        Some(labels)
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Reads a request; one that fits no route names method and path as its operation.
pub(super) fn read(routes: &[Route], request: &Request) -> Result<Incoming, ApiError> {
    let path: Vec<String> = segments(request.path()).map(unescape).collect();
    let found = routes.iter().find_map(|route| Some((route, route.labels(&request.method, &path)?)));
    let Some((route, labels)) = found else {
        let operation = format!("{} {}", request.method, request.path());
        return Ok(Incoming { operation, ..Incoming::default() });
    };
    let mut input = json::object(&request.body)?;
    for (name, text) in labels {
        input.insert(name, Value::String(text));
    }
    for (name, text) in form_urlencoded::parse(request.query().as_bytes()) {
        if let Some((_, member)) = route.query.iter().find(|(wire, _)| *wire == name) {
            input.insert(member, Value::String(text.into_owned()));
        }
    }
    Ok(Incoming { operation: route.operation.into(), input, ..Incoming::default() })
}

/// Takes the percent escapes out of a path's segment, where `+` is a plus.
fn unescape(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).map(|(text, _)| text.into_owned()).next().unwrap_or_default()
}

/// An error's structure; its code stands in a header too.
pub(super) fn error(error: &ApiError) -> Document {
    Document::new().with("Code", &error.code).with("Message", &error.message).with("message", &error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &[Route] = &[
        Route::new("List", "GET", "/vaults/{Vault}/points/", &[("maxResults", "MaxResults")]),
        Route::new("Describe", "GET", "/vaults/{Vault}/points/{Arn}", &[]),
    ];

    fn get(uri: &str) -> Incoming {
        let request = Request { method: "GET".into(), uri: uri.into(), ..Request::default() };
        read(ROUTES, &request).unwrap_or_default()
    }

    #[test]
    fn path_and_query_string_give_operation_and_members() -> Result<(), ApiError> {
        let list =
            get("https://backup.eu-west-1.amazonaws.com/vaults/My%20Vault/points/?maxResults=5&other=1");
        assert_eq!(list.operation, "List");
        assert_eq!(
            (list.input.text("Vault")?, list.input.number("MaxResults")?),
            (Some("My Vault"), Some(5))
        );
        let point = get("/vaults/v/points/arn%3Aaws%3Ards%3A1%3Asnapshot%3Aa%2Fb+c");
        assert_eq!(point.operation, "Describe");
        assert_eq!(point.input.text("Arn")?, Some("arn:aws:rds:1:snapshot:a/b+c"));
        assert_eq!(get("/moons/1").operation, "GET /moons/1");
        Ok(())
    }
}
