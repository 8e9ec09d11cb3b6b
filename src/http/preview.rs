//! A site as a visitor would see it, also while it is being written: then the page renews itself.
//!
//! The same renderer as for exported files, the same credential as for the API, and a policy that lets
//! the page do nothing but show itself.

use std::fmt::Write;

use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, REFRESH, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, html};
use serde::Deserialize;

use super::client_address::ClientAddress;
use super::trace::RequestId;
use super::{Web, answer, identity};
use crate::auth::{self, Caller};
use crate::entities::BlueprintStatus;
use crate::export::Site;
use crate::graphql::Code;
use crate::ids::{GlobalId, IdKind};
use crate::render::{LinkBase, content_security_policy};
use crate::sites::store;

/// Seconds between two looks at a page that is being written.
const RENEW: &str = "3";
/// What a page costs a budget: about what it costs as a query.
const COST: u64 = 100;

/// The policy of a document that consists of a sentence.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// A link can send no header: a watch token may stand in the address.
#[derive(Deserialize)]
pub struct Address {
    watch: Option<String>,
}

pub async fn home(
    web: State<Web>,
    id: Extension<RequestId>,
    from: Extension<ClientAddress>,
    headers: HeaderMap,
    Path(site): Path<String>,
    Query(address): Query<Address>,
) -> Response {
    show(&web, &id, *from, &headers, (&site, ""), address).await
}

pub async fn page(
    web: State<Web>,
    id: Extension<RequestId>,
    from: Extension<ClientAddress>,
    headers: HeaderMap,
    Path((site, slug)): Path<(String, String)>,
    Query(address): Query<Address>,
) -> Response {
    show(&web, &id, *from, &headers, (&site, &slug), address).await
}

async fn show(
    web: &Web,
    id: &RequestId,
    from: ClientAddress,
    headers: &HeaderMap,
    (site, slug): (&str, &str),
    address: Address,
) -> Response {
    let app = &web.api.app;
    let watch = address.watch.as_deref();
    let caller = match identity::of_request(web, from, headers, watch).await {
        Ok(Ok(caller)) => caller,
        Ok(Err(denied)) => return identity::refusal(denied, id),
        Err(error) => return failed(&error, id),
    };
    if let Err(too_much) = web.gate.spend(&caller, COST) {
        return too_much.response(id);
    }
    let Some(uuid) = GlobalId::parse_as(IdKind::Blueprint, site) else {
        return missing(id);
    };
    match Site::read(app.db.reader(), caller.account, uuid).await {
        Ok(Some(mut found)) => {
            let Some(shown) = found.page(slug).map(|page| page.row.id) else {
                return missing(id);
            };
            match auth::reaches_page(&app.db, &caller, shown).await {
                Ok(true) => {}
                Ok(false) => return missing(id),
                Err(error) => return failed(&error, id),
            }
            if !caller.reaches_site(uuid) {
                // The menu and the foot tell of other pages; links to pages that are not there are left out.
                found.pages.retain(|page| page.row.id == shown);
            }
            let Some(page) = found.page(slug) else {
                return missing(id);
            };
            let base = LinkBase::Preview {
                path: format!("/preview/{site}"),
                query: watch.map(|token| format!("?watch={token}")).unwrap_or_default(),
            };
            let is_changing = found.blueprint.status == BlueprintStatus::Generating;
            let mut policy = content_security_policy(&found.structure.theme);
            let _ = write!(policy, "; frame-ancestors 'none'");
            document(found.html(page, base), &policy, is_changing)
        }
        Ok(None) => not_planned(web, id, &caller, uuid).await,
        Err(error) => failed(&error, id),
    }
}

/// A site that exists but has no plan yet is no error: somebody may be watching it come into being.
async fn not_planned(web: &Web, id: &RequestId, caller: &Caller, site: uuid::Uuid) -> Response {
    let reader = web.api.app.db.reader();
    match store::blueprint(reader, caller.account, site).await {
        Ok(Some(_)) if !caller.reaches_site(site) => missing(id),
        Ok(Some(site)) => {
            let what = match site.status {
                BlueprintStatus::Generating => "The plan is being written; this page renews itself.",
                _ => "This site has no plan yet. Start generateSite or generateStructure; this page renews itself.",
            };
            document(note("Not planned yet", what), NOTHING, true)
        }
        Ok(None) => missing(id),
        Err(error) => failed(&error, id),
    }
}

fn document(html: String, policy: &str, is_changing: bool) -> Response {
    let mut response = html.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // The address may hold a token, which no other site is to learn.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if is_changing {
        headers.insert(REFRESH, HeaderValue::from_static(RENEW));
    }
    response
}

/// A refusal of a preview as a person can read it, whichever layer refused; whoever does not show documents gets it as the
/// API tells it.
pub async fn readable(request: Request, next: Next) -> Response {
    let is_preview = request.uri().path().starts_with("/preview/");
    let is_document = answer::is_document_wanted(request.headers());
    let mut response = next.run(request).await;
    let sentence = response.extensions_mut().remove::<answer::Sentence>();
    let Some(answer::Sentence(sentence)) = sentence.filter(|_| is_preview) else {
        return response;
    };
    if !is_document {
        // The address has two forms: nobody is to keep one of them for whoever asks for the other.
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let title = parts.status.canonical_reason().unwrap_or("No page");
    let page = document(note(title, &sentence), NOTHING, false);
    parts.headers.extend(page.headers().clone());
    Response::from_parts(parts, page.into_body())
}

/// A document of one sentence.
fn note(title: &str, sentence: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } }
            body { p { (sentence) } }
        }
    };
    page.into_string()
}

fn missing(id: &RequestId) -> Response {
    let message = "There is no such page. Take the address from previewUrl.";
    answer::refuse(StatusCode::NOT_FOUND, Code::NotFound, message, id)
}

fn failed(error: &crate::error::Error, id: &RequestId) -> Response {
    tracing::error!(cause = error.cause(), "a preview failed");
    let message = "The page could not be shown. Try again in a moment.";
    answer::refuse(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message, id)
}
