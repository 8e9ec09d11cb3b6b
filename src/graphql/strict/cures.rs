//! What this layer cures, by the numbers under which the gaps were measured. Builds with the `faults` feature can switch
//! one off, which is how the differential test shows that it would notice.

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cure {
    /// A field selected twice is resolved once.
    Merge = 2,
    /// An error nulls its own field where that may be null, not the parent.
    Nulls = 3,
    /// An error's path goes down to the item of a list.
    Paths = 4,
    /// A variable that must have a value is asked for, whatever takes it.
    Required = 5,
    /// `@skip` and `@include` know the defaults of variables.
    Conditions = 6,
    /// A variable without a value leaves an argument to its default.
    Omitted = 7,
    /// Fields that cannot be merged are refused, also through fragments.
    Conflicts = 8,
    /// The root of a subscription has one field, in a fragment or not.
    SubscriptionRoot = 9,
}

#[cfg(not(feature = "faults"))]
#[inline]
pub fn is_on(_cure: Cure) -> bool {
    true
}

/// The cure with the number in `SITEWRIGHT_WITHOUT_CURE` is off.
#[cfg(feature = "faults")]
pub fn is_on(cure: Cure) -> bool {
    use std::sync::LazyLock;
    static OFF: LazyLock<Option<u8>> = LazyLock::new(|| {
        std::env::var("SITEWRIGHT_WITHOUT_CURE")
            .ok()
            .and_then(|n| n.parse().ok())
    });
    *OFF != Some(cure as u8)
}
