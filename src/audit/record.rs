//! Recording one act around the work that does it.

use std::cell::RefCell;
use std::sync::Arc;

use sea_orm::{DatabaseTransaction, Value};
use uuid::Uuid;

use crate::db::{self, Db, Statement};
use crate::entities::{ActorKind, AuditResult, Role};
use crate::error::{Error, Result};
use crate::ids::{GlobalId, IdKind, new_id};

macro_rules! insert {
    ($rest:literal) => {
        concat!(
            "INSERT INTO audit_entries (id, account_id, at, actor, actor_id, actor_name, role, mutation, subjects, \
             result, codes, request_id, address) ",
            $rest
        )
    };
}

/// Ids that one entry names; a start of many pages names the first of them.
const SUBJECTS_MAX: usize = 50;

/// Who acts, and from where.
#[derive(Debug, Clone)]
pub struct Actor {
    pub account: Uuid,
    pub kind: ActorKind,
    /// The key's id, a token's subject.
    pub id: Option<String>,
    /// The API key whose name is noted as it is at that time.
    pub key: Option<Uuid>,
    pub role: Role,
    pub request_id: Option<String>,
    pub address: Option<String>,
}

impl Actor {
    /// Somebody with a shell on this machine.
    pub fn command(account: Uuid) -> Self {
        Actor {
            account,
            kind: ActorKind::Command,
            id: None,
            key: None,
            role: Role::Admin,
            request_id: None,
            address: None,
        }
    }
}

/// One act: a field of the mutation root, or a command.
#[derive(Debug)]
pub struct Act {
    pub actor: Actor,
    pub name: String,
    /// What its input names.
    pub subjects: Vec<GlobalId>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub result: AuditResult,
    pub codes: Vec<String>,
}

impl Outcome {
    pub fn done() -> Self {
        Outcome {
            result: AuditResult::Done,
            codes: Vec::new(),
        }
    }

    pub fn failed(code: impl Into<String>) -> Self {
        Outcome {
            result: AuditResult::Failed,
            codes: vec![code.into()],
        }
    }
}

/// What was noted while an act was under way.
#[derive(Default)]
struct Noted {
    entries: Vec<Uuid>,
    statements: Arc<Vec<Statement>>,
    subjects: Vec<GlobalId>,
    refusals: Vec<String>,
    is_done: bool,
    is_concluded: bool,
}

tokio::task_local! {
    static NOTED: RefCell<Noted>;
}

/// Notes what the present act made or changed.
pub fn note_subject(id: GlobalId) {
    let _ = NOTED.try_with(|noted| add(&mut noted.borrow_mut().subjects, id));
}

/// Notes that the present act was refused, and why.
pub fn note_refusal(code: impl Into<String>) {
    let _ = NOTED.try_with(|noted| noted.borrow_mut().refusals.push(code.into()));
}

/// Notes that the present act did what was asked: whatever fails after this takes nothing of it back.
pub fn note_done() {
    let _ = NOTED.try_with(|noted| noted.borrow_mut().is_done = true);
}

/// The present act's entries, for a transaction that another task makes: it does not begin with them.
pub struct Entries {
    statements: Arc<Vec<Statement>>,
    subjects: Vec<GlobalId>,
}

/// None outside of an act.
pub fn present_entries() -> Option<Entries> {
    let noted = NOTED.try_with(|noted| {
        let noted = noted.borrow();
        Entries {
            statements: noted.statements.clone(),
            subjects: noted.subjects.clone(),
        }
    });
    noted.ok()
}

/// Writes the entries of acts within the transaction that makes their changes, complete: when this commits, the acts are
/// done. For acts that come in crowds; each comes with what it made.
pub async fn conclude(
    transaction: &DatabaseTransaction,
    acts: impl IntoIterator<Item = (&Entries, Vec<GlobalId>)>,
) -> Result<()> {
    let mut rows = Vec::new();
    for (entries, touched) in acts {
        let mut subjects = entries.subjects.clone();
        touched.into_iter().for_each(|id| add(&mut subjects, id));
        for statement in entries.statements.iter() {
            let Ok(mut own) = <[Value; VALUES]>::try_from(statement.values.clone()) else {
                return Err(Error::internal("a statement of an act has not the values of an entry"));
            };
            own[SUBJECTS] = words(&subjects).into();
            rows.push(own);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut values = Vec::new();
    let places = db::places(&mut values, rows);
    // An act that has written before has its entry already, unfinished; of an account that is not there is none.
    let text = insert!("").to_string()
        + &format!(
            "SELECT new.column1, accounts.id, new.column3, new.column4, new.column5, \
             (SELECT name FROM api_keys WHERE id = new.column6), new.column7, new.column8, new.column9, 'done', '', \
             new.column10, new.column11 FROM (VALUES {places}) AS new, accounts WHERE accounts.id = new.column2 \
             ON CONFLICT (id) DO UPDATE SET result = 'done', subjects = excluded.subjects \
             WHERE audit_entries.result = 'unfinished'"
        );
    db::execute(transaction, &text, values).await?;
    Ok(())
}

/// Notes that the transaction which [`conclude`]d the present act was committed.
pub fn note_concluded() {
    let _ = NOTED.try_with(|noted| noted.borrow_mut().is_concluded = true);
}

fn add(ids: &mut Vec<GlobalId>, id: GlobalId) {
    if !ids.contains(&id) && ids.len() < SUBJECTS_MAX {
        ids.push(id);
    }
}

/// Does the work as an act: every transaction of it begins with the entry, and its outcome is noted at the end.
///
/// `outcome` reads the result. An act that noted refusals was refused, and one that noted that it was done is done,
/// whatever its caller wanted to read afterwards.
pub async fn recorded<T>(db: &Db, act: Act, work: impl Future<Output = T>, outcome: impl FnOnce(&T) -> Outcome) -> T {
    let mut subjects = Vec::new();
    act.subjects.iter().for_each(|id| add(&mut subjects, *id));
    let entries = entries(&act, &subjects);
    let (entries, statements): (Vec<Uuid>, Vec<Statement>) = entries.into_iter().unzip();
    let statements = Arc::new(statements);
    let noted = Noted {
        entries,
        statements: statements.clone(),
        subjects,
        ..Noted::default()
    };
    let observed = async {
        let value = work.await;
        (value, NOTED.with(|noted| noted.take()))
    };
    let observed = NOTED.scope(RefCell::new(noted), observed);
    let (value, noted) = db::each_beginning_with(statements.clone(), observed).await;
    if noted.is_concluded && noted.is_done {
        return value;
    }
    let outcome = match (noted.refusals.is_empty(), noted.is_done) {
        (true, true) => Outcome::done(),
        (true, false) => outcome(&value),
        (false, _) => Outcome {
            result: AuditResult::Refused,
            codes: noted.refusals,
        },
    };
    let completed = async {
        let transaction = db.write().await?;
        complete(&transaction, &noted.entries, &outcome, &noted.subjects).await?;
        Ok::<_, Error>(transaction.commit().await?)
    };
    if let Err(error) = db::each_beginning_with(statements, completed).await {
        // What was committed has its entry; what was not has changed nothing.
        tracing::error!(
            cause = error.cause(),
            mutation = act.name,
            "an outcome could not be noted in the audit trail"
        );
    }
    value
}

/// The same for a command of this machine, which fails with our own error.
pub async fn command<T>(db: &Db, account: Uuid, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let act = Act {
        actor: Actor::command(account),
        name: name.to_string(),
        subjects: vec![GlobalId::new(IdKind::Account, account)],
    };
    recorded(db, act, work, |result| match result {
        Ok(_) => Outcome::done(),
        Err(Error::Refused(_)) => Outcome {
            result: AuditResult::Refused,
            codes: vec!["VALIDATION".to_string()],
        },
        Err(_) => Outcome::failed("INTERNAL_SERVER_ERROR"),
    })
    .await
}

const INSERT: &str = insert!(
    "SELECT $1, id, $3, $4, $5, (SELECT name FROM api_keys WHERE id = $6), $7, $8, $9, 'unfinished', '', $10, $11 \
     FROM accounts WHERE id = $2 ON CONFLICT (id) DO NOTHING"
);
/// The values of an entry, and which of them are its subjects.
const VALUES: usize = 11;
const SUBJECTS: usize = 8;

/// The entry in the trail of the account that acts. What an operator does to another account stands in that one's trail
/// too, without the place from where it was done.
fn entries(act: &Act, subjects: &[GlobalId]) -> Vec<(Uuid, Statement)> {
    let actor = &act.actor;
    let at = db::now();
    let mut accounts = vec![actor.account];
    if actor.role == Role::Admin {
        let named = subjects.iter().filter(|id| matches!(id.kind, IdKind::Account));
        named.for_each(|id| {
            if !accounts.contains(&id.uuid) {
                accounts.push(id.uuid);
            }
        });
    }
    let entry = |account: Uuid| {
        let id = new_id();
        let address = actor.address.clone().filter(|_| account == actor.account);
        let values: Vec<Value> = vec![
            id.into(),
            account.into(),
            at.into(),
            actor.kind.as_str().into(),
            actor.id.clone().into(),
            actor.key.into(),
            actor.role.as_str().into(),
            act.name.clone().into(),
            words(subjects).into(),
            actor.request_id.clone().into(),
            address.into(),
        ];
        (id, Statement { text: INSERT, values })
    };
    accounts.into_iter().map(entry).collect()
}

fn words(subjects: &[GlobalId]) -> String {
    let words: Vec<String> = subjects.iter().map(ToString::to_string).collect();
    words.join(" ")
}

/// The entries are there by now: this transaction, like every other of the act, began with them.
async fn complete(
    transaction: &DatabaseTransaction,
    entries: &[Uuid],
    outcome: &Outcome,
    subjects: &[GlobalId],
) -> Result<()> {
    let text =
        "UPDATE audit_entries SET result = $2, codes = $3, subjects = $4 WHERE id = $1 AND result = 'unfinished'";
    for id in entries {
        let values: [Value; 4] = [
            (*id).into(),
            outcome.result.as_str().into(),
            outcome.codes.join(" ").into(),
            words(subjects).into(),
        ];
        db::execute(transaction, text, values).await?;
    }
    Ok(())
}
