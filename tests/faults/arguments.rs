//! What the command line says.

use rand::RngExt;

pub enum Command {
    List,
    Run,
    /// For so many minutes.
    Soak(f64),
}

pub struct Arguments {
    pub command: Command,
    /// About three minutes instead of half an hour.
    pub is_quick: bool,
    /// Only experiments whose name contains this.
    pub only: Option<String>,
    /// How often each experiment is tried on each database, whatever it says itself.
    pub trials: Option<usize>,
    /// Everything random follows from it.
    pub seed: u64,
    /// Puts the table into the documentation.
    pub writes: bool,
}

const USAGE: &str = "faults [--quick] [--only PART-OF-A-NAME] [--trials N] [--seed N] [--write] [--list], or faults soak [--minutes N] [--seed N]";

impl Arguments {
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments {
            command: Command::Run,
            is_quick: false,
            only: None,
            trials: None,
            seed: rand::rng().random_range(0..1_000_000),
            writes: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value: {USAGE}"));
            match word.as_str() {
                "--quick" => arguments.is_quick = true,
                "--write" => arguments.writes = true,
                "soak" => arguments.command = Command::Soak(60.0),
                "--minutes" => match &mut arguments.command {
                    Command::Soak(minutes) => *minutes = number(&value()?)?,
                    _ => return Err(format!("--minutes is for soak: {USAGE}")),
                },
                "--list" => arguments.command = Command::List,
                "--only" => arguments.only = Some(value()?),
                "--trials" => arguments.trials = Some(number(&value()?)?),
                "--seed" => arguments.seed = number(&value()?)?,
                _ => return Err(format!("{word} says nothing here: {USAGE}")),
            }
        }
        if arguments.writes && (arguments.is_quick || arguments.only.is_some()) {
            return Err("--write replaces the whole table: run all of it, without --quick and --only".to_string());
        }
        let is_soak = matches!(arguments.command, Command::Soak(_));
        if is_soak && (arguments.is_quick || arguments.only.is_some() || arguments.trials.is_some()) {
            return Err(format!("soak takes --minutes and --seed only: {USAGE}"));
        }
        Ok(arguments)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number: {USAGE}"))
}
