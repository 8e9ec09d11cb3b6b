//! The closed sets that rows are made of, stored as short lower-case words under a CHECK.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// Declares an enum whose variants are stored as the given words, and how to read them as text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $(#[sea_orm(string_value = $word)] #[serde(rename = $word)] $variant),+
        }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word in SQL, in events and in logs.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

words! {
    /// What a credential may do.
    Role { Viewer = "viewer", Editor = "editor", Owner = "owner", Admin = "admin" }
}

words! {
    /// The four lists of a wizard.
    OptionKind { BusinessType = "business_type", AudienceProfile = "audience_profile", BrandPersonality = "brand_personality", HeroImageryDirection = "hero_imagery_direction" }
}

words! {
    /// What has a price.
    PriceKind { Structure = "structure", Page = "page", Block = "block" }
}

words! {
    /// Where a site stands.
    BlueprintStatus { Draft = "draft", Generating = "generating", Ready = "ready", Deployed = "deployed" }
}

words! {
    /// Where a site is meant to be served.
    HostingType { BuiltIn = "built_in", Wordpress = "wordpress", Shopify = "shopify", Multi = "multi" }
}

words! {
    /// Where a page stands.
    PageStatus { Draft = "draft", Generating = "generating", Ready = "ready", Failed = "failed" }
}

words! {
    /// Where a block stands.
    BlockStatus { Planned = "planned", Writing = "writing", Ready = "ready", Failed = "failed" }
}

words! {
    /// Who wrote the present revision of a block.
    BlockOrigin { Ai = "ai", Human = "human" }
}

words! {
    /// What a job makes.
    JobKind { Structure = "structure", Page = "page", Block = "block", Site = "site", Publish = "publish", Export = "export" }
}

words! {
    /// Where a job stands; the last four are final.
    JobState { Queued = "queued", Running = "running", Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled", Quarantined = "quarantined" }
}

words! {
    /// What a running job is doing.
    JobPhase { Preparing = "preparing", WaitingForModel = "waiting_for_model", Writing = "writing", Checking = "checking", Saving = "saving" }
}

words! {
    /// What a queued job waits for, beside its turn.
    WaitsFor { Provider = "provider" }
}

words! {
    /// Whether credits are still set aside.
    HoldState { Open = "open", Closed = "closed" }
}

words! {
    /// Why credits moved.
    CreditEntryKind { Grant = "grant", Hold = "hold", Capture = "capture", Release = "release", Refund = "refund", Adjustment = "adjustment" }
}

words! {
    /// What kind of credential acted.
    ActorKind { Key = "key", Jwt = "jwt", Watch = "watch", Local = "local", Command = "command" }
}

words! {
    /// What came of a change that was asked for.
    AuditResult { Unfinished = "unfinished", Done = "done", Refused = "refused", Failed = "failed" }
}

impl JobState {
    /// Whether nothing can happen to the job any more.
    pub fn is_terminal(self) -> bool {
        !matches!(self, JobState::Queued | JobState::Running)
    }
}
