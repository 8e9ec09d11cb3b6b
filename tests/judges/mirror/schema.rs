//! The mirror's types. A value is a number; what is below it is that number mixed with the field's name and arguments.

// A field's arguments are those of its function, and one field here has every kind of argument.
#![allow(clippy::too_many_arguments)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_graphql::{
    Context, Enum, ID, InputObject, Interface, MaybeUndefined, Object, OneofObject, Result, Subscription, Union,
};
use futures::Stream;

/// FNV-1a of the number, a dot and the text.
fn mix(n: u32, text: &str) -> u32 {
    let all = format!("{n}.{text}");
    all.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// A field that may be null: sometimes it is, sometimes it fails, else it is made from its number.
fn maybe<T>(seed: u32, make: impl FnOnce(u32) -> T) -> Result<Option<T>> {
    if seed.is_multiple_of(11) {
        return Err("boom".into());
    }
    Ok((!seed.is_multiple_of(7)).then(|| make(seed)))
}

/// A field that may not be null, and sometimes fails.
fn sure<T>(seed: u32, make: impl FnOnce(u32) -> T) -> Result<T> {
    if seed.is_multiple_of(3) {
        return Err("boom".into());
    }
    Ok(make(seed))
}

fn items<T>(seed: u32, count: i32, make: impl Fn(u32) -> T) -> Vec<T> {
    (0..count.clamp(0, 5))
        .map(|at| make(mix(seed, &at.to_string())))
        .collect()
}

fn int(seed: u32) -> i32 {
    (seed % 1000) as i32
}

fn text(seed: u32) -> String {
    format!("s{seed}")
}

fn mood(seed: u32) -> Mood {
    [Mood::Calm, Mood::Busy, Mood::Angry][seed as usize % 3]
}

fn thing(seed: u32) -> Thing {
    match seed % 3 {
        0 => Thing::Person(Person(seed)),
        1 => Thing::Robot(Robot(seed)),
        _ => Thing::Rock(Rock(seed)),
    }
}

fn node(seed: u32) -> Node {
    match seed % 3 {
        0 => Node::Person(Person(seed)),
        1 => Node::Robot(Robot(seed)),
        _ => Node::Rock(Rock(seed)),
    }
}

fn named(seed: u32) -> Named {
    match seed % 2 {
        0 => Named::Person(Person(seed)),
        _ => Named::Robot(Robot(seed)),
    }
}

#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mood {
    Calm,
    Busy,
    Angry,
}

#[derive(InputObject)]
pub struct Filter {
    #[graphql(default = 1)]
    min: i32,
    max: Option<i32>,
    #[graphql(default_with = "vec![Mood::Calm]")]
    moods: Vec<Mood>,
    nested: Option<Box<Filter>>,
    tag: String,
}

#[derive(OneofObject)]
pub enum Pick {
    Id(ID),
    Number(i32),
}

impl Filter {
    fn show(&self) -> String {
        let max = self.max.map_or("null".to_string(), |max| max.to_string());
        let nested = self.nested.as_ref().map_or("null".to_string(), |nested| nested.show());
        let moods: Vec<String> = self
            .moods
            .iter()
            .map(|mood| format!("{mood:?}").to_uppercase())
            .collect();
        format!("({} {max} {} {nested} {})", self.min, moods.join("|"), self.tag)
    }
}

#[derive(Interface)]
#[graphql(
    field(name = "id", ty = "ID"),
    field(name = "name", ty = "Option<String>"),
    field(name = "peer", ty = "Option<Node>")
)]
pub enum Node {
    Person(Person),
    Robot(Robot),
    Rock(Rock),
}

#[derive(Interface)]
#[graphql(
    field(name = "name", ty = "Option<String>"),
    field(name = "label", ty = "String", arg(name = "size", ty = "i32", default = 3))
)]
pub enum Named {
    Person(Person),
    Robot(Robot),
}

#[derive(Union)]
pub enum Thing {
    Person(Person),
    Robot(Robot),
    Rock(Rock),
}

pub struct Person(u32);

#[Object]
impl Person {
    async fn id(&self) -> ID {
        ID(format!("p{}", self.0))
    }

    async fn name(&self) -> Result<Option<String>> {
        maybe(mix(self.0, "name"), text)
    }

    async fn label(&self, #[graphql(default = 3)] size: i32) -> String {
        text(mix(self.0, &format!("label({size})")))
    }

    async fn peer(&self) -> Result<Option<Node>> {
        maybe(mix(self.0, "peer"), node)
    }

    async fn age(&self) -> Result<Option<i32>> {
        maybe(mix(self.0, "age"), int)
    }

    async fn score(&self) -> f64 {
        f64::from(int(mix(self.0, "score"))) / 4.0
    }

    async fn mood(&self) -> Mood {
        mood(mix(self.0, "mood"))
    }

    /// Not null, and it fails often.
    async fn risky(&self) -> Result<i32> {
        sure(mix(self.0, "risky"), int)
    }

    async fn best(&self) -> Result<Option<Person>> {
        maybe(mix(self.0, "best"), Person)
    }

    async fn friends(&self, #[graphql(default = 2)] first: i32) -> Vec<Person> {
        items(mix(self.0, &format!("friends({first})")), first, Person)
    }

    async fn pets(&self) -> Result<Option<Vec<Option<Robot>>>> {
        let made = |seed: u32| (!seed.is_multiple_of(5)).then_some(Robot(seed));
        maybe(mix(self.0, "pets"), |seed| items(seed, (seed % 4) as i32, made))
    }

    async fn things(&self) -> Result<Option<Vec<Option<Vec<Thing>>>>> {
        let row = |seed: u32| (!seed.is_multiple_of(5)).then(|| items(seed, (seed % 3) as i32, thing));
        maybe(mix(self.0, "things"), |seed| items(seed, (seed % 4) as i32, row))
    }
}

pub struct Robot(u32);

#[Object]
impl Robot {
    async fn id(&self) -> ID {
        ID(format!("r{}", self.0))
    }

    async fn name(&self) -> Result<Option<String>> {
        maybe(mix(self.0, "name"), text)
    }

    async fn label(&self, #[graphql(default = 3)] size: i32) -> String {
        text(mix(self.0, &format!("label({size})")))
    }

    async fn peer(&self) -> Result<Option<Node>> {
        maybe(mix(self.0, "peer"), node)
    }

    async fn owner(&self) -> Result<Option<Named>> {
        maybe(mix(self.0, "owner"), named)
    }

    async fn risky(&self) -> Result<i32> {
        sure(mix(self.0, "risky"), int)
    }

    async fn age(&self) -> Result<Option<String>> {
        maybe(mix(self.0, "age"), text)
    }
}

pub struct Rock(u32);

#[Object]
impl Rock {
    async fn id(&self) -> ID {
        ID(format!("k{}", self.0))
    }

    async fn name(&self) -> Result<Option<String>> {
        maybe(mix(self.0, "name"), text)
    }

    async fn peer(&self) -> Result<Option<Node>> {
        maybe(mix(self.0, "peer"), node)
    }

    async fn weight(&self) -> Result<i32> {
        sure(mix(self.0, "weight"), int)
    }
}

pub struct Query;

#[Object]
impl Query {
    async fn me(&self) -> Person {
        Person(mix(1, "me"))
    }

    async fn person(&self, #[graphql(default = 1)] n: i32) -> Result<Option<Person>> {
        maybe(mix(1, &format!("person({n})")), Person)
    }

    async fn node(&self, id: ID) -> Result<Option<Node>> {
        maybe(mix(1, &format!("node({})", *id)), node)
    }

    async fn named(&self, #[graphql(default_with = "Some(1)")] n: Option<i32>) -> Result<Option<Named>> {
        let n = n.map_or("null".to_string(), |n| n.to_string());
        maybe(mix(1, &format!("named({n})")), named)
    }

    async fn things(&self, #[graphql(default = 3)] first: i32, filter: Option<Filter>) -> Vec<Thing> {
        let filter = filter.map_or("null".to_string(), |filter| filter.show());
        items(mix(1, &format!("things({first} {filter})")), first, thing)
    }

    /// Says what it was given, for every kind of input.
    async fn echo(
        &self,
        #[graphql(default_with = "Some(\"x\".to_string())")] text: Option<String>,
        #[graphql(default_with = "Some(vec![1, 2])")] list: Option<Vec<i32>>,
        #[graphql(default_with = "Some(Mood::Busy)")] mood: Option<Mood>,
        extra: MaybeUndefined<i32>,
        ratio: Option<f64>,
        filter: Option<Filter>,
        pick: Option<Pick>,
    ) -> String {
        let none = || "null".to_string();
        let list = list.map(|list| list.iter().map(|n| n.to_string()).collect::<Vec<_>>().join("|"));
        let extra = match extra {
            MaybeUndefined::Undefined => "-".to_string(),
            MaybeUndefined::Null => none(),
            MaybeUndefined::Value(value) => value.to_string(),
        };
        let pick = pick.map(|pick| match pick {
            Pick::Id(id) => format!("id:{}", *id),
            Pick::Number(number) => format!("number:{number}"),
        });
        [
            text.unwrap_or_else(none),
            list.unwrap_or_else(none),
            mood.map_or_else(none, |mood| format!("{mood:?}").to_uppercase()),
            extra,
            ratio.map_or_else(none, |ratio| ratio.to_string()),
            filter.map_or_else(none, |filter| filter.show()),
            pick.unwrap_or_else(none),
        ]
        .join(" ")
    }

    /// Not null at the root: when it fails, there is no data at all.
    async fn fragile(&self, #[graphql(default = 1)] n: i32) -> Result<Person> {
        sure(mix(1, &format!("fragile({n})")), Person)
    }
}

/// How often a request was made to change something.
#[derive(Clone, Default)]
pub struct Counted(Arc<AtomicU32>);

pub struct Counter(u32);

#[Object]
impl Counter {
    async fn value(&self) -> u32 {
        self.0
    }

    async fn by(&self) -> Result<Option<Person>> {
        maybe(mix(self.0, "by"), Person)
    }

    async fn risky(&self) -> Result<i32> {
        sure(mix(self.0, "risky"), int)
    }
}

pub struct Mutation;

#[Object]
impl Mutation {
    async fn bump(&self, ctx: &Context<'_>, #[graphql(default = 1)] by: u32) -> Result<Option<Counter>> {
        let counted = &ctx.data_unchecked::<Counted>().0;
        let value = counted.fetch_add(by.min(9), Ordering::Relaxed) + by.min(9);
        Ok(Some(Counter(value)))
    }
}

pub struct Tick(u32);

#[Object]
impl Tick {
    async fn at(&self) -> u32 {
        self.0
    }

    async fn person(&self) -> Result<Option<Person>> {
        maybe(mix(self.0, "person"), Person)
    }

    async fn risky(&self) -> Result<i32> {
        sure(mix(self.0, "risky"), int)
    }
}

pub struct Subscription;

#[Subscription]
impl Subscription {
    async fn ticks(&self, #[graphql(default = 2)] count: u32) -> impl Stream<Item = Tick> {
        futures::stream::iter((0..count.min(5)).map(Tick))
    }

    async fn maybe_ticks(&self, #[graphql(default = 3)] count: u32) -> impl Stream<Item = Option<Tick>> {
        futures::stream::iter((0..count.min(5)).map(|at| (at != 1).then_some(Tick(at))))
    }
}
