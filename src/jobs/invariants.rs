//! What must be true at any moment, as SQL that returns no rows. `sitewright ledger verify` and every
//! test run it; it is the definition of "nothing is lost", on both databases.

use sea_orm::{DatabaseTransaction, QueryResult};

use crate::db::{Db, rows};
use crate::error::Result;

/// One invariant: its name, what it says, and a query for its violations (`subject`, `detail`).
pub struct Invariant {
    pub name: &'static str,
    pub says: &'static str,
    pub query: &'static str,
}

/// A row that must not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub says: &'static str,
    pub subject: String,
    pub detail: String,
}

pub const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "I1",
        says: "balance and held equal the ledger's sums",
        query: "SELECT a.name AS subject, 'balance ' || a.balance || ' held ' || a.held || ' but the ledger says ' || \
                COALESCE(SUM(e.balance_delta), 0) || ' and ' || COALESCE(SUM(e.held_delta), 0) AS detail \
                FROM accounts a LEFT JOIN credit_entries e ON e.account_id = a.id GROUP BY a.id, a.name, a.balance, a.held \
                HAVING a.balance <> COALESCE(SUM(e.balance_delta), 0) OR a.held <> COALESCE(SUM(e.held_delta), 0)",
    },
    Invariant {
        name: "I2",
        says: "0 <= held <= balance",
        query: "SELECT name AS subject, 'balance ' || balance || ' held ' || held AS detail FROM accounts \
                WHERE held < 0 OR held > balance",
    },
    Invariant {
        name: "I3",
        says: "ledger numbers are dense and running totals chain",
        query: "SELECT name AS subject, 'entry ' || seq || ' does not follow' AS detail FROM ( \
                  SELECT a.name, e.seq, e.balance_after, e.held_after, e.balance_delta, e.held_delta, \
                    LAG(e.seq, 1, 0) OVER w AS prev_seq, LAG(e.balance_after, 1, 0) OVER w AS prev_balance, \
                    LAG(e.held_after, 1, 0) OVER w AS prev_held \
                  FROM credit_entries e JOIN accounts a ON a.id = e.account_id \
                  WINDOW w AS (PARTITION BY e.account_id ORDER BY e.seq)) chain \
                WHERE seq <> prev_seq + 1 OR balance_after <> prev_balance + balance_delta \
                  OR held_after <> prev_held + held_delta \
                UNION ALL SELECT a.name, 'last entry is not ' || a.credit_seq FROM accounts a \
                WHERE a.credit_seq <> (SELECT COALESCE(MAX(seq), 0) FROM credit_entries e WHERE e.account_id = a.id)",
    },
    Invariant {
        name: "I4",
        says: "each hold is open, or captured + released = amount, and agrees with the ledger",
        query: "SELECT {text:h.job_id} AS subject, h.state || ' hold of ' || h.amount AS detail FROM credit_holds h \
                LEFT JOIN credit_entries o ON o.job_id = h.job_id AND o.kind = 'hold' \
                LEFT JOIN credit_entries c ON c.job_id = h.job_id AND c.kind = 'capture' \
                LEFT JOIN credit_entries r ON r.job_id = h.job_id AND r.kind = 'release' \
                WHERE COALESCE(o.held_delta, 0) <> h.amount OR -COALESCE(c.held_delta, 0) <> h.captured \
                  OR -COALESCE(r.held_delta, 0) <> h.released \
                  OR (h.state = 'closed' AND h.captured + h.released <> h.amount)",
    },
    Invariant {
        name: "I5",
        says: "a hold is open exactly while its job is not over",
        query: "SELECT {text:j.id} AS subject, j.kind || ' is ' || j.state || ', hold ' || COALESCE(h.state, 'missing') AS detail \
                FROM jobs j LEFT JOIN credit_holds h ON h.job_id = j.id WHERE j.price > 0 AND ( \
                  h.job_id IS NULL OR (h.state = 'open' AND j.finished_at IS NOT NULL) \
                  OR (h.state = 'closed' AND j.finished_at IS NULL AND NOT (j.kind = 'site' AND j.fanned_out)) \
                  OR (h.state = 'open' AND j.fanned_out))",
    },
    Invariant {
        name: "I6",
        says: "an account's held is the sum of its open holds",
        query: "SELECT a.name AS subject, 'held ' || a.held AS detail FROM accounts a WHERE a.held <> \
                (SELECT COALESCE(SUM(h.amount), 0) FROM credit_holds h WHERE h.account_id = a.id AND h.state = 'open')",
    },
    Invariant {
        name: "I7",
        says: "a result exists exactly for a success, and a success captured its price",
        query: "SELECT {text:j.id} AS subject, j.kind || ' ' || j.state || ' captured ' || COALESCE(h.captured, 0) AS detail \
                FROM jobs j LEFT JOIN credit_holds h ON h.job_id = j.id \
                WHERE (j.result IS NULL) = (j.state = 'succeeded') \
                  OR (j.state = 'succeeded' AND j.kind <> 'site' AND COALESCE(h.captured, 0) <> j.price) \
                  OR (j.state = 'succeeded' AND j.kind = 'site' AND COALESCE(h.captured, 0) <> j.charged - \
                    (SELECT COALESCE(SUM(c.charged), 0) FROM jobs c WHERE c.parent_id = j.id))",
    },
    Invariant {
        name: "I8",
        says: "exactly one terminal event exactly for an ended job",
        query: "SELECT {text:j.id} AS subject, j.state || ' with ' || COUNT(e.n) || ' terminal events' AS detail FROM jobs j \
                LEFT JOIN job_events e ON e.job_id = j.id AND e.kind IN ('succeeded', 'failed', 'cancelled', 'quarantined') \
                WHERE EXISTS (SELECT 1 FROM job_events x WHERE x.job_id = j.id) \
                GROUP BY j.id, j.state, j.finished_at \
                HAVING COUNT(e.n) <> CASE WHEN j.finished_at IS NULL THEN 0 ELSE 1 END \
                  OR COALESCE(MAX(e.kind), j.state) <> j.state",
    },
    Invariant {
        name: "I9",
        says: "the chain of durable events is unbroken",
        query: "SELECT {text:job_id} AS subject, 'event ' || lease || '-' || n || ' does not follow' AS detail FROM ( \
                  SELECT job_id, lease, n, prev_lease, prev_n, LAG(lease) OVER w AS before_lease, LAG(n) OVER w AS before_n \
                  FROM job_events WINDOW w AS (PARTITION BY job_id ORDER BY lease, n)) chain \
                WHERE COALESCE(prev_lease, 0) <> COALESCE(before_lease, 0) OR COALESCE(prev_n, 0) <> COALESCE(before_n, 0) \
                UNION ALL SELECT {text:j.id}, 'the row says ' || j.event_lease || '-' || j.event_n FROM jobs j \
                WHERE EXISTS (SELECT 1 FROM job_events x WHERE x.job_id = j.id) AND NOT EXISTS \
                  (SELECT 1 FROM job_events e WHERE e.job_id = j.id AND e.lease = j.event_lease AND e.n = j.event_n)",
    },
    Invariant {
        name: "I10",
        says: "no event has a lease above its job's",
        query: "SELECT {text:e.job_id} AS subject, 'event ' || e.lease || '-' || e.n || ' above ' || j.run_lease AS detail \
                FROM job_events e JOIN jobs j ON j.id = e.job_id WHERE e.lease > j.run_lease",
    },
    Invariant {
        name: "I11",
        says: "an acknowledged cancel never ends as a success",
        query: "SELECT {text:id} AS subject, kind || ' succeeded after a cancel' AS detail FROM jobs \
                WHERE state = 'succeeded' AND cancel_requested_at IS NOT NULL",
    },
    Invariant {
        name: "I12",
        says: "an account's running is the number of its jobs that hold a slot",
        query: "SELECT a.name AS subject, 'running ' || a.running AS detail FROM accounts a WHERE a.running <> \
                (SELECT COUNT(*) FROM jobs j WHERE j.account_id = a.id AND j.state = 'running' AND j.lease_owner IS NOT NULL)",
    },
    Invariant {
        name: "I13",
        says: "a parent's open children are its children that are not over",
        query: "SELECT {text:p.id} AS subject, 'children_open ' || p.children_open AS detail FROM jobs p \
                WHERE (p.fanned_out OR p.children_open > 0) AND p.children_open <> \
                (SELECT COUNT(*) FROM jobs c WHERE c.parent_id = p.id AND c.finished_at IS NULL) \
                UNION ALL SELECT {text:p.id}, 'runs without open children' FROM jobs p \
                WHERE p.fanned_out AND p.children_open = 0 AND p.finished_at IS NULL",
    },
    Invariant {
        name: "I14",
        says: "the events of sites and accounts are dense up to their rows' numbers",
        query: "SELECT a.name AS subject, 'account events up to ' || a.event_seq AS detail FROM accounts a JOIN \
                  (SELECT account_id, COUNT(*) AS n, MIN(seq) AS low, MAX(seq) AS high FROM account_events \
                   GROUP BY account_id) e ON e.account_id = a.id \
                WHERE e.high <> a.event_seq OR e.n <> e.high - e.low + 1 \
                UNION ALL SELECT {text:b.id}, 'site events up to ' || b.event_seq FROM blueprints b JOIN \
                  (SELECT blueprint_id, COUNT(*) AS n, MIN(seq) AS low, MAX(seq) AS high FROM blueprint_events \
                   GROUP BY blueprint_id) e ON e.blueprint_id = b.id \
                WHERE e.high <> b.event_seq OR e.n <> e.high - e.low + 1",
    },
];

/// Runs every query against one moment of the database.
pub async fn verify(db: &Db) -> Result<Vec<Violation>> {
    let tx = db.snapshot().await?;
    let mut violations = Vec::new();
    for invariant in INVARIANTS {
        for row in rows(&tx, &in_dialect(&tx, invariant.query), []).await? {
            violations.push(violation(invariant, &row)?);
        }
    }
    tx.commit().await?;
    Ok(violations)
}

fn violation(invariant: &Invariant, row: &QueryResult) -> Result<Violation> {
    Ok(Violation {
        invariant: invariant.name,
        says: invariant.says,
        subject: row.try_get("", "subject")?,
        detail: row.try_get("", "detail")?,
    })
}

/// `{text:column}` shows an id: SQLite keeps UUIDs as bytes.
fn in_dialect(tx: &DatabaseTransaction, query: &str) -> String {
    use sea_orm::{ConnectionTrait, DbBackend};
    let mut out = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(start) = rest.find("{text:") {
        let end = rest[start..].find('}').map_or(rest.len(), |at| start + at);
        let column = &rest[start + 6..end];
        out.push_str(&rest[..start]);
        out.push_str(&match tx.get_database_backend() {
            DbBackend::Postgres => format!("CAST({column} AS text)"),
            _ => format!("lower(hex({column}))"),
        });
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
