//! Relay's connections: slices of a stable order, with opaque cursors.
//!
//! Lists are ordered by a key that never changes, so a slice neither repeats nor skips an entry while others
//! are added. Counting the whole list is absent on purpose: it costs more than any page.

use async_graphql::{Result, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use uuid::Uuid;

use super::error::Code;

/// How many entries a slice has when the client does not say.
const USUAL: i32 = 20;
/// How many entries a slice can have.
pub const MOST: i32 = 100;

/// Where a slice stands in its list.
#[derive(SimpleObject, Default)]
pub struct PageInfo {
    /// Whether there are entries after this slice. When paging backwards: whether `before` was given.
    pub has_next_page: bool,
    /// Whether there are entries before this slice. When paging forwards: whether `after` was given.
    pub has_previous_page: bool,
    /// Cursor of the first entry, to pass as `before`; null when the slice is empty.
    pub start_cursor: Option<String>,
    /// Cursor of the last entry, to pass as `after`; null when the slice is empty.
    pub end_cursor: Option<String>,
}

/// The four arguments of a connection field as they came.
#[derive(Default)]
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl PageArgs {
    pub fn new(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> Self {
        PageArgs {
            first,
            after,
            last,
            before,
        }
    }
}

/// What a list is ordered by.
pub trait Key: Sized + Into<Value> {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("p.{}", self.write()))
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Self::read(std::str::from_utf8(&bytes).ok()?.strip_prefix("p.")?)
    }
}

impl Key for Uuid {
    fn write(&self) -> String {
        self.simple().to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok()
    }
}

impl Key for i64 {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Some rows of a list with their cursors, in the list's order.
pub struct Slice<M> {
    pub rows: Vec<(String, M)>,
    pub info: PageInfo,
}

/// A checked request for a slice.
#[derive(Debug, PartialEq)]
struct Window<K> {
    limit: u64,
    is_backward: bool,
    after: Option<K>,
    before: Option<K>,
}

fn window<K: Key>(args: &PageArgs) -> Result<Window<K>> {
    let refuse = |message: &str| Err(Code::BadUserInput.error(message));
    let (limit, is_backward) = match (args.first, args.last) {
        (Some(_), Some(_)) => {
            return refuse("Give `first` or `last`, not both: one pages forwards, the other backwards.");
        }
        (Some(first), None) => (first, false),
        (None, Some(last)) => (last, true),
        (None, None) => (USUAL, false),
    };
    if limit < 0 {
        return refuse("`first` and `last` must be 0 or more.");
    }
    if limit > MOST {
        return Err(Code::BadUserInput.error(format!(
            "{limit} entries were asked for, and a list gives at most {MOST} at a time. Ask for {MOST} or fewer, and for \
             more with `after: endCursor`."
        )));
    }
    let cursor = |text: &Option<String>| {
        match text.as_deref().map(K::decode) {
        Some(None) => Err(Code::BadUserInput.error(
            "This is not a cursor of this list. Pass `startCursor`, `endCursor` or an edge's `cursor`, or leave it out.",
        )),
        Some(found) => Ok(found),
        None => Ok(None),
    }
    };
    let (after, before) = (cursor(&args.after)?, cursor(&args.before)?);
    Ok(Window {
        limit: limit as u64,
        is_backward,
        after,
        before,
    })
}

/// Reads a slice of `select`, which is ordered here: by `column`, which is unique within it.
pub async fn slice<E, K>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    column: E::Column,
    order: Order,
    args: &PageArgs,
    key: impl Fn(&E::Model) -> K,
) -> Result<Slice<E::Model>>
where
    E: EntityTrait,
    K: Key,
{
    let window = window::<K>(args)?;
    let is_ascending = matches!(order, Order::Asc);
    let had = (window.after.is_some(), window.before.is_some());
    let mut select = select;
    if let Some(after) = window.after {
        select = select.filter(if is_ascending {
            column.gt(after)
        } else {
            column.lt(after)
        });
    }
    if let Some(before) = window.before {
        select = select.filter(if is_ascending {
            column.lt(before)
        } else {
            column.gt(before)
        });
    }
    // Backwards is the other direction, turned round afterwards; one row more says whether there is more.
    let direction = if is_ascending == window.is_backward {
        Order::Desc
    } else {
        Order::Asc
    };
    let select = select.order_by(column, direction).limit(window.limit + 1);
    let mut rows = select.all(connection).await.map_err(crate::error::Error::from)?;
    let has_more = rows.len() as u64 > window.limit;
    rows.truncate(window.limit as usize);
    if window.is_backward {
        rows.reverse();
    }
    let rows: Vec<_> = rows.into_iter().map(|row| (key(&row).encode(), row)).collect();
    let info = PageInfo {
        has_next_page: if window.is_backward { had.1 } else { has_more },
        has_previous_page: if window.is_backward { has_more } else { had.0 },
        start_cursor: rows.first().map(|(cursor, _)| cursor.clone()),
        end_cursor: rows.last().map(|(cursor, _)| cursor.clone()),
    };
    Ok(Slice { rows, info })
}

/// Declares a connection and its edge over a node type that is made from a row.
macro_rules! connection {
    ($connection:ident $edge:ident $node:ident $what:literal) => {
        #[doc = concat!("A slice of ", $what, ".")]
        pub struct $connection {
            edges: Vec<$edge>,
            page_info: $crate::graphql::paging::PageInfo,
        }

        #[doc = concat!("A slice of ", $what, ".")]
        #[async_graphql::Object]
        impl $connection {
            /// The entries of the slice, in the list's order.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// Where the slice stands in the list.
            async fn page_info(&self) -> &$crate::graphql::paging::PageInfo {
                &self.page_info
            }
        }

        #[doc = concat!("An entry of ", $what, ".")]
        pub struct $edge {
            pub node: $node,
            pub cursor: String,
        }

        #[doc = concat!("An entry of ", $what, ".")]
        #[async_graphql::Object]
        impl $edge {
            /// The entry.
            async fn node(&self) -> &$node {
                &self.node
            }

            /// Where the entry stands in the list. Opaque: pass it as `after` or `before`.
            async fn cursor(&self) -> &str {
                &self.cursor
            }
        }

        impl<M> From<$crate::graphql::paging::Slice<M>> for $connection
        where
            $node: From<M>,
        {
            fn from(slice: $crate::graphql::paging::Slice<M>) -> Self {
                let edge = |(cursor, row)| $edge {
                    node: $node::from(row),
                    cursor,
                };
                $connection {
                    edges: slice.rows.into_iter().map(edge).collect(),
                    page_info: slice.info,
                }
            }
        }
    };
}
pub(super) use connection;

#[cfg(test)]
mod tests {
    use super::*;

    fn args(first: Option<i32>, last: Option<i32>) -> PageArgs {
        PageArgs {
            first,
            last,
            ..PageArgs::default()
        }
    }

    #[test]
    fn a_slice_is_bounded_and_goes_one_way() {
        assert_eq!(window::<i64>(&args(None, None)).unwrap().limit, 20);
        assert_eq!(window::<i64>(&args(Some(100), None)).unwrap().limit, 100);
        assert_eq!(window::<i64>(&args(Some(0), None)).unwrap().limit, 0);
        assert!(window::<i64>(&args(None, Some(3))).unwrap().is_backward);
        let wrong = [
            (Some(-1), None),
            (None, Some(-1)),
            (Some(1), Some(1)),
            (Some(101), None),
            (None, Some(101)),
        ];
        for (first, last) in wrong {
            let error = window::<i64>(&args(first, last)).unwrap_err();
            let code = error.extensions.unwrap().get("code").cloned();
            assert_eq!(code, Some(async_graphql::Value::from("BAD_USER_INPUT")));
        }
    }

    #[test]
    fn only_our_own_cursors_are_read() {
        let id = crate::ids::new_id();
        assert_eq!(Uuid::decode(&id.encode()), Some(id));
        assert_eq!(i64::decode(&7_i64.encode()), Some(7));
        for text in ["", "x", &id.to_string(), &7_i64.encode()] {
            assert_eq!(Uuid::decode(text), None, "{text}");
            let args = PageArgs {
                after: Some(text.to_string()),
                ..PageArgs::default()
            };
            assert!(window::<Uuid>(&args).is_err());
        }
    }
}
