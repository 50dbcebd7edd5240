//! What the votes show, as a table or as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::{ExitCode, Failure, print, sanitise};
use super::args::StandingsArgs;
use crate::compare::{self, Row, Standing};
use crate::config::Folders;
use crate::store::{DATABASE, Store};

/// Prints the standing.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn run(args: &StandingsArgs, folders: &Folders) -> Result<ExitCode, Failure> {
    let failure = |error| Failure::new(ExitCode::Io, "reading the votes", error);
    // Looking makes no store.
    let ballots = if folders.sessions_dir.join(DATABASE).exists() {
        let opened = Store::open(&folders.sessions_dir).map_err(failure)?;
        opened.store.ballots().map_err(failure)?
    } else {
        Vec::new()
    };
    let standing = compare::standing(&ballots, compare::SEED);
    if args.json {
        print(&format!("{}\n", object(&standing)))
    } else {
        print(&table(&standing))
    }
}

fn object(standing: &Standing) -> Value {
    let row = |row: &Row| {
        json!({
            "model": row.contender.model,
            "model_hash": row.contender.model_hash,
            "preset": row.contender.preset,
            "preset_hash": row.contender.preset_hash,
            "votes": row.ballots,
            "wins": row.wins,
            "ties": row.ties,
            "score": row.score,
            "interval": [row.low, row.high],
            "next": row.next.map(|gap| json!({
                "votes": gap.votes, "is_shown": gap.is_shown, "more_votes": gap.more,
            })),
        })
    };
    json!({
        "votes": standing.ballots,
        "shows_anything": standing.shows_anything(),
        "standing": standing.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn table(standing: &Standing) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_table(standing, &mut out);
    out
}

fn write_table(standing: &Standing, out: &mut String) -> std::fmt::Result {
    if standing.rows.is_empty() {
        return writeln!(
            out,
            "Nobody has voted yet. Alt+C in the deck compares presets; its blind mode asks which \
             answer is the best."
        );
    }
    writeln!(
        out,
        "| model | preset | votes | won | tied | score | 95 % | votes to tell from the next |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for row in &standing.rows {
        let short = |hash: &str| hash.chars().take(8).collect::<String>();
        writeln!(
            out,
            "| {} {} | {} {} | {} | {} | {} | {:+.0} | {:+.0} to {:+.0} | {} |",
            sanitise::line(&row.contender.model),
            short(&row.contender.model_hash),
            sanitise::line(&row.contender.preset),
            short(&row.contender.preset_hash),
            row.ballots,
            row.wins,
            row.ties,
            row.score,
            row.low,
            row.high,
            row.next.map_or_else(String::new, |gap| gap.to_string()),
        )?;
    }
    if !standing.shows_anything() {
        writeln!(
            out,
            "\nNothing is shown yet: these votes could have come about by chance."
        )?;
    }
    writeln!(
        out,
        "\nscore: Bradley-Terry in Elo's scale, 400 points are ten times the odds; 95 %: bootstrap \
         over {} votes.",
        standing.ballots
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Ballot, Contender};

    fn votes(won: usize) -> Standing {
        let contender = |preset: &str| Contender {
            model: "guide".into(),
            model_hash: "0123456789".into(),
            preset: preset.into(),
            preset_hash: preset.repeat(3),
        };
        let ballot = Ballot {
            contenders: vec![contender("cold"), contender("hot")],
            best: vec![0],
        };
        compare::standing(&vec![ballot; won], compare::SEED)
    }

    #[test]
    fn the_table_says_when_nothing_is_shown() {
        assert!(table(&votes(0)).starts_with("Nobody has voted yet."));
        insta::assert_snapshot!(table(&votes(3)));
        let clear = table(&votes(20));
        assert!(!clear.contains("Nothing is shown"), "{clear}");
    }

    #[test]
    fn json_has_intervals_and_what_is_missing() {
        let json = object(&votes(3));
        assert_eq!(
            (&json["votes"], &json["shows_anything"]),
            (&3.into(), &false.into())
        );
        assert_eq!(json["standing"][0]["preset"], "cold");
        assert!(json["standing"][0]["next"]["more_votes"].as_u64() > Some(0));
        assert!(json["standing"][1]["next"].is_null());
    }
}
