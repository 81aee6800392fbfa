//! The API description, made from the same list as the router.

use super::route::{EntranceKind, KeyRule, RouteInfo, Surface};
use serde_json::{Map, Value, json};

/// Returns the OpenAPI 3.1 document of the JSON API.
pub fn document(routes: &[RouteInfo], version: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas: Map<String, Value> = Map::new();
    add_schema::<api::Problem>(&mut schemas);
    for route in routes.iter().filter(|route| route.surface == Surface::Api) {
        let operation = operation(route, &mut schemas);
        let method = route.method.as_str().to_ascii_lowercase();
        let path = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        if let Some(object) = path.as_object_mut() {
            object.insert(method, operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "GPUaaS API",
            "version": version,
            "description": "Discover capacity, launch it, reach it, pay for it, give it back.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": super::cookie::SESSION },
                "node": { "type": "mutualTLS" }
            }
        }
    })
}

fn add_schema<T: utoipa::ToSchema>(schemas: &mut Map<String, Value>) {
    let (_, all) = super::input::schema_of::<T>();
    add_all(schemas, &all);
}

fn add_all(
    schemas: &mut Map<String, Value>,
    all: &[(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)],
) {
    for (name, schema) in all {
        if let Ok(value) = serde_json::to_value(schema) {
            schemas.insert(name.clone(), value);
        }
    }
}

fn operation(route: &RouteInfo, schemas: &mut Map<String, Value>) -> Value {
    let mut parameters = path_parameters(route.path);
    if let Some((_, all)) = &route.query {
        parameters.extend(query_parameters(all));
    }
    if matches!(route.key, KeyRule::Accepted | KeyRule::Required) {
        parameters.push(json!({
            "name": "X-Idempotency-Key", "in": "header",
            "required": route.key == KeyRule::Required,
            "description": "One per logical change; the same key gives the same answer.",
            "schema": { "type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[A-Za-z0-9_-]+$" }
        }));
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.action.split('.').next().unwrap_or(route.action)],
        "x-permission": route.action,
        "x-entrance": route.entrance.as_str(),
        "parameters": parameters,
        "responses": responses(route, schemas),
        "security": security(route.entrance),
    });
    if let Some((reference, all)) = &route.body {
        add_all(schemas, all);
        let content = json!({ "application/json": { "schema": reference } });
        if let Some(object) = operation.as_object_mut() {
            object.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
    }
    operation
}

fn operation_id(route: &RouteInfo) -> String {
    let method = route.method.as_str().to_ascii_lowercase();
    let words = route.path.trim_start_matches("/api/v1/").replace(['{', '}'], "");
    let snake: String =
        words.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{method}_{snake}")
}

fn security(entrance: EntranceKind) -> Value {
    match entrance {
        EntranceKind::Public | EntranceKind::Signed => json!([]),
        EntranceKind::Source => json!([{ "bearer": [] }]),
        EntranceKind::Node => json!([{ "node": [] }]),
        _ => json!([{ "bearer": [] }, { "session": [] }]),
    }
}

fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect()
}

fn query_parameters(
    all: &[(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)],
) -> Vec<Value> {
    let Some(schema) = all.last().and_then(|(_, schema)| serde_json::to_value(schema).ok()) else {
        return Vec::new();
    };
    let properties = schema.get("properties").and_then(Value::as_object).cloned();
    properties
        .unwrap_or_default()
        .into_iter()
        .map(|(name, schema)| json!({ "name": name, "in": "query", "schema": schema }))
        .collect()
}

fn responses(route: &RouteInfo, schemas: &mut Map<String, Value>) -> Value {
    let mut good = json!({ "description": good_words(route.status) });
    if let Some((reference, all)) = &route.answer {
        add_all(schemas, all);
        if let Some(object) = good.as_object_mut() {
            object.insert("content".into(), json!({ "application/json": { "schema": reference } }));
        }
    }
    let mut responses = Map::new();
    responses.insert(route.status.to_string(), good);
    responses.insert(
        "default".into(),
        json!({
            "description": "What went wrong, in words for people and a code for programs.",
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
        }),
    );
    Value::Object(responses)
}

fn good_words(status: u16) -> &'static str {
    match status {
        201 => "Made.",
        202 => "Taken on; the work goes on.",
        204 => "Done; there is nothing to say.",
        _ => "Done.",
    }
}
