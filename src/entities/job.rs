//! A unit of work with its fence, its policy counters, its price and the position of its last durable event.

use sea_orm::entity::prelude::*;

use super::states::{JobKind, JobPhase, JobState, WaitsFor};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub blueprint_id: Option<Uuid>,
    pub page_id: Option<Uuid>,
    pub block_id: Option<Uuid>,
    pub parent_id: Option<Uuid>,
    pub start_key: Option<String>,
    pub kind: JobKind,
    pub state: JobState,
    pub run_lease: i64,
    pub attempt: i32,
    pub max_attempts: i32,
    pub crashes: i32,
    pub run_at: DateTimeUtc,
    pub waits_for: Option<WaitsFor>,
    pub lease_owner: Option<Uuid>,
    pub lease_expires_at: Option<DateTimeUtc>,
    pub deadline_at: Option<DateTimeUtc>,
    pub cancel_requested_at: Option<DateTimeUtc>,
    pub price: i64,
    pub page_price: Option<i64>,
    pub charged: Option<i64>,
    pub planned: i32,
    pub written: i32,
    pub closed_since_claim: bool,
    pub phase: Option<JobPhase>,
    pub progress: f64,
    pub fanned_out: bool,
    pub children_total: i32,
    pub children_open: i32,
    pub input: Json,
    pub baseline: Json,
    pub result: Option<Json>,
    pub correction: Option<String>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub error_retryable: Option<bool>,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub model: Option<String>,
    pub event_lease: i64,
    pub event_n: i64,
    pub version: i64,
    pub queued_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
