//! The type rules that make a query over every field of every kind valid.

use std::collections::BTreeMap;

use crate::sites::block::BlockKind;
use crate::sites::block::read::shape;
use crate::sites::reply::Shape;

/// What every block has besides its content, which no content field may be called.
const COMMON: &[&str] = &[
    "id",
    "kind",
    "position",
    "status",
    "locked",
    "origin",
    "goal",
    "revision",
    "placeholders",
    "heading",
];

#[test]
fn one_field_name_has_one_type_one_nullability_and_one_limit() {
    fn visit(shape: &Shape, seen: &mut BTreeMap<String, String>) {
        let Shape::Object(object) = shape else { return };
        for (name, field) in &object.fields {
            assert!(!COMMON.contains(&name.as_str()), "`{name}` is a field of every block");
            let signature = match field {
                Shape::Text(text) => format!("text {}", text.max),
                Shape::Choice { words, .. } => format!("choice {words:?}"),
                Shape::Flag => "flag".to_owned(),
                Shape::List { item, .. } => match &**item {
                    Shape::Text(text) => format!("texts {}", text.max),
                    _ => "objects".to_owned(),
                },
                Shape::Object(object) => format!(
                    "object {:?}",
                    object.fields.iter().map(|(name, _)| name).collect::<Vec<_>>()
                ),
                Shape::Unknown => panic!("`{name}` has no known shape"),
            };
            let known = seen.entry(name.clone()).or_insert_with(|| signature.clone());
            assert_eq!(*known, signature, "`{name}` differs between kinds");
            let inner = if let Shape::List { item, .. } = field {
                item
            } else {
                field
            };
            visit(inner, seen);
        }
    }
    let mut seen = BTreeMap::new();
    BlockKind::ALL.iter().for_each(|kind| visit(shape(*kind), &mut seen));
    assert_eq!(seen["title"], "text 120");
    assert_eq!(seen["body"], "text 6000");
}
