//! What the votes show, as a table or as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::{ExitCode, Failure, print, sanitise};
use super::args::StandingsArgs;
use crate::compare::{self, FEWEST_VOTES, Row, Standing};
use crate::config::Folders;
use crate::store::{DATABASE, Store};
use crate::units::counted;

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
    let row = |(group, row): (usize, &Row)| {
        json!({
            "group": group + 1,
            "model": row.contender.model,
            "model_hash": row.contender.model_hash,
            "preset": row.contender.preset,
            "preset_hash": row.contender.preset_hash,
            "votes": row.ballots,
            "wins": row.wins,
            "ties": row.ties,
            "score": row.score,
            "interval": row.interval.map(|(low, high)| [low, high]),
            "next": row.next.map(|gap| json!({
                "met": gap.met, "votes": gap.votes, "is_shown": gap.is_shown, "more_votes": gap.more,
            })),
        })
    };
    let groups = standing.groups.iter().enumerate();
    let rows = groups.flat_map(|(at, group)| group.rows.iter().map(move |row| (at, row)));
    json!({
        "votes": standing.ballots,
        "shows_anything": standing.shows_anything(),
        "standing": rows.map(row).collect::<Vec<_>>(),
    })
}

fn table(standing: &Standing) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_table(standing, &mut out);
    out
}

fn write_table(standing: &Standing, out: &mut String) -> std::fmt::Result {
    if standing.groups.is_empty() {
        return writeln!(
            out,
            "Nobody has voted yet. Alt+C in the deck compares presets; its blind mode asks which \
             answer is the best."
        );
    }
    for (at, group) in standing.groups.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write_rows(&group.rows, out)?;
    }
    if standing.groups.len() > 1 {
        writeln!(
            out,
            "\nContenders of two tables never met, nor by way of others: their scores cannot be \
             compared."
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
         over {}, from {FEWEST_VOTES} votes on.",
        counted(standing.ballots, "vote")
    )
}

fn write_rows(rows: &[Row], out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "| model | preset | votes | won | tied | score | 95 % | votes to tell from the next |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for row in rows {
        let short = |hash: &str| hash.chars().take(8).collect::<String>();
        writeln!(
            out,
            "| {} {} | {} {} | {} | {} | {} | {:+.0} | {} | {} |",
            sanitise::line(&row.contender.model),
            short(&row.contender.model_hash),
            sanitise::line(&row.contender.preset),
            short(&row.contender.preset_hash),
            row.ballots,
            row.wins,
            row.ties,
            row.score,
            row.interval.map_or_else(String::new, |(low, high)| format!(
                "{low:+.0} to {high:+.0}"
            )),
            row.next.map_or_else(String::new, |gap| gap.to_string()),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Ballot, Contender};

    fn votes(won: usize) -> Standing {
        compare::standing(&ballots("guide", won), compare::SEED)
    }

    fn ballots(model: &str, won: usize) -> Vec<Ballot> {
        let contender = |preset: &str| Contender {
            model: model.into(),
            model_hash: model.repeat(2),
            preset: preset.into(),
            preset_hash: preset.repeat(3),
        };
        let ballot = Ballot {
            contenders: vec![contender("cold"), contender("hot")],
            best: vec![0],
        };
        vec![ballot; won]
    }

    #[test]
    fn models_stand_in_tables_of_their_own() {
        let both = [ballots("guide", 3), ballots("other", 7)].concat();
        let standing = compare::standing(&both, compare::SEED);
        let table = table(&standing);
        assert_eq!(table.matches("| model |").count(), 2, "{table}");
        assert!(table.contains("cannot be compared"), "{table}");
        let json = object(&standing);
        let groups: Vec<_> = (0..4).map(|at| &json["standing"][at]["group"]).collect();
        assert_eq!(groups, [1, 1, 2, 2]);
        assert_eq!(json["standing"][0]["model"], "other");
        assert!(json["standing"][0]["interval"].is_array());
        assert!(json["standing"][2]["interval"].is_null());
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
