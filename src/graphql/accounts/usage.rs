//! What an account's calls to writers took, in all and by day. Tokens are floats, exact up to 2^53: the sums of a year
//! outgrow GraphQL's Int.

use async_graphql::SimpleObject;

use crate::usage::{Day, Total};

/// What calls to writers took. It is an account of what the writers used, not of credits: those are charged by the job.
#[derive(SimpleObject)]
pub struct ModelUsage {
    /// How many calls ended in the time that was asked for.
    calls: i64,
    /// Tokens that writers read, estimated for calls whose writer did not say.
    prompt_tokens: f64,
    /// Tokens that writers wrote, estimated for calls whose writer did not say.
    completion_tokens: f64,
    /// What the calls probably cost, in US dollars, by the server's price list; calls without a price count as nothing.
    estimated_cost: f64,
    /// How many of the calls have no price in the server's list.
    calls_without_price: i64,
    /// The same for each day on which calls ended, the first first; at most 366.
    days: Vec<ModelUsageDay>,
}

/// What the calls of one day took.
#[derive(SimpleObject)]
pub struct ModelUsageDay {
    /// The day in UTC, as `2026-01-31`.
    date: String,
    /// How many calls ended.
    calls: i64,
    /// Tokens that writers read.
    prompt_tokens: f64,
    /// Tokens that writers wrote.
    completion_tokens: f64,
    /// What the calls probably cost, in US dollars, by the server's price list.
    estimated_cost: f64,
    /// How many of the calls have no price in the server's list.
    calls_without_price: i64,
}

fn dollars(total: &Total) -> f64 {
    total.cost_micros as f64 / 1_000_000.0
}

impl From<Day> for ModelUsageDay {
    fn from(Day { date, total }: Day) -> Self {
        ModelUsageDay {
            date,
            calls: total.calls,
            prompt_tokens: total.prompt_tokens as f64,
            completion_tokens: total.completion_tokens as f64,
            estimated_cost: dollars(&total),
            calls_without_price: total.unpriced,
        }
    }
}

impl From<Vec<Day>> for ModelUsage {
    fn from(days: Vec<Day>) -> Self {
        let sum = |part: fn(&Total) -> i64| -> i64 { days.iter().map(|day| part(&day.total)).sum() };
        ModelUsage {
            calls: sum(|total| total.calls),
            prompt_tokens: sum(|total| total.prompt_tokens) as f64,
            completion_tokens: sum(|total| total.completion_tokens) as f64,
            estimated_cost: sum(|total| total.cost_micros) as f64 / 1_000_000.0,
            calls_without_price: sum(|total| total.unpriced),
            days: days.into_iter().map(ModelUsageDay::from).collect(),
        }
    }
}
