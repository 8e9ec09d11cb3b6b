//! What all nodes together have spent of a budget: one number a client, the moment when it will be full again.
//!
//! Times are Redis's own, and what comes back is how far away the moment is: no two clocks are compared.

use std::time::Duration;

use fred::interfaces::LuaInterface;

use super::link::{Down, Redis};

/// KEYS: budgets. ARGV: microseconds spent of each. Answers in how many microseconds each will be full.
const SPEND: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_in = {}
for i, key in ipairs(KEYS) do
  local full_at = math.max(tonumber(redis.call('GET', key) or '0'), now) + ARGV[i]
  redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1000)
  full_in[i] = full_at - now
end
return full_in";

impl Redis {
    /// Adds what was spent of each budget, as the time in which it comes back; answers when each will be full.
    pub async fn spend(&self, spent: Vec<(String, Duration)>) -> Result<Vec<Duration>, Down> {
        // One slot of a cluster: all budgets are one message.
        let keys: Vec<String> = spent
            .iter()
            .map(|(name, _)| self.key(&format!("{{limits}}:{name}")))
            .collect();
        let times: Vec<String> = spent
            .iter()
            .map(|(_, time)| time.as_micros().max(1).to_string())
            .collect();
        let full_in = self
            .ask(async move |client| {
                let hash = fred::util::sha1_hash(SPEND);
                match client
                    .evalsha::<Vec<u64>, _, _, _>(hash, keys.clone(), times.clone())
                    .await
                {
                    Err(cause) if cause.details().starts_with("NOSCRIPT") => client.eval(SPEND, keys, times).await,
                    answer => answer,
                }
            })
            .await?;
        Ok(full_in.into_iter().map(Duration::from_micros).collect())
    }
}
