//! The `[costs]` table of `config.toml`.

use serde::Deserialize;
use toml::Spanned;

use super::document::Document;
use super::error::ConfigError;
use crate::costs::Prices;

/// A price that is higher is a slip of the finger.
const MOST: f64 = 1e9;

/// The table as TOML has it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FilePrices {
    currency: Option<String>,
    electricity: Option<Spanned<f64>>,
    hardware: Option<Spanned<f64>>,
    api_input: Option<Spanned<f64>>,
    api_output: Option<Spanned<f64>>,
    watts: Option<Spanned<f64>>,
}

impl FilePrices {
    /// The prices, each of them a number that a price can be.
    ///
    /// # Errors
    /// The first one that is not.
    pub(super) fn check(&self, document: Document<'_>) -> Result<Prices, ConfigError> {
        let price = |name: &str, given: &Option<Spanned<f64>>| {
            let Some(given) = given else {
                return Ok(None);
            };
            let value = *given.get_ref();
            if (0.0..=MOST).contains(&value) {
                return Ok(Some(value));
            }
            let problem = format!("costs.{name}: {value} is outside 0 to {MOST:.0}");
            Err(document.error(given.span().start, problem, None))
        };
        Ok(Prices {
            currency: self.currency.clone(),
            electricity: price("electricity", &self.electricity)?,
            hardware: price("hardware", &self.hardware)?,
            api_input: price("api-input", &self.api_input)?,
            api_output: price("api-output", &self.api_output)?,
            watts: price("watts", &self.watts)?,
        })
    }
}
