//! The rows, one file a table: what the database holds and nothing about what it means.
//!
//! Relations are absent on purpose: every join in this code base is a deliberate query through the owner.

pub mod account;
pub mod account_event;
pub mod api_key;
pub mod audit_entry;
pub mod block;
pub mod blueprint;
pub mod blueprint_event;
pub mod builder_option;
pub mod credit_entry;
pub mod credit_hold;
pub mod idempotency_key;
pub mod identity;
pub mod job;
pub mod job_event;
pub mod meta;
pub mod model_call;
pub mod page;
pub mod price;
pub mod prompt_template;
pub mod revision;
pub mod states;
pub mod watch_token;
pub mod worker;

pub use states::*;

/// Hands the name of every table's module to another macro: whoever looks at all tables forgets none.
macro_rules! every_table {
    ($look:ident) => {
        $look! {
            account, account_event, api_key, audit_entry, block, blueprint, blueprint_event, builder_option,
            credit_entry, credit_hold, idempotency_key, identity, job, job_event, meta, model_call, page, price,
            prompt_template, revision, watch_token, worker,
        }
    };
}
pub(crate) use every_table;

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_of_tables_is_complete() {
        let mut listed = Vec::new();
        macro_rules! name {
            ($($table:ident),* $(,)?) => { listed.extend([$(stringify!($table)),*]) };
        }
        every_table!(name);
        let text = include_str!("mod.rs");
        let modules: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
            .filter(|module| *module != "states")
            .collect();
        assert_eq!(listed, modules);
    }
}
