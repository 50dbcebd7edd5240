//! The flags of `llmdeck bench`, which are llama-bench's.

use clap::{Args, Subcommand, ValueEnum};

use crate::bench::{self, Format, ListError, Tests};
use crate::params::Value;

/// Measures how fast a model runs. Each flag that takes a list makes a test for each combination.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub action: Option<BenchAction>,
    /// Prompts to prefill, in tokens: 512, 128,512, 1-4, 1-8+2 or 1-16*2; 0 = none
    #[arg(short = 'p', long, value_name = "LIST", default_value = "512", value_parser = Counts::parse)]
    pub n_prompt: Vec<Counts>,
    /// Tokens to generate, as a list; 0 = none
    #[arg(short = 'n', long, value_name = "LIST", default_value = "128", value_parser = Counts::parse)]
    pub n_gen: Vec<Counts>,
    /// A prompt with tokens generated after it, measured as one [-pg]
    #[arg(long = "pg", value_name = "PP,TG", value_parser = Pair::parse)]
    pub pg: Vec<Pair>,
    /// Tokens in the KV cache before the test, as a list
    #[arg(short = 'd', long, value_name = "LIST", default_value = "0", value_parser = Counts::parse)]
    pub n_depth: Vec<Counts>,
    /// How often each test is repeated
    #[arg(short, long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repetitions: u32,
    /// The form of the results on standard output
    #[arg(short, long, value_name = "FORM", default_value = "md")]
    pub output: Output,
    /// Results on standard error too, in this form [-oe]
    #[arg(long, visible_alias = "oe", value_name = "FORM")]
    pub output_err: Option<Output>,
    /// Measure the first run too, which is slower
    #[arg(long)]
    pub no_warmup: bool,
    /// Say on standard error which test runs
    #[arg(long)]
    pub progress: bool,
    /// Keep the results out of the history
    #[arg(long)]
    pub no_history: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum BenchAction {
    /// Print earlier results, and how speed changed between them
    History(HistoryArgs),
}

/// With --model only the results of that model.
#[derive(Args, Clone, Debug)]
pub struct HistoryArgs {
    /// The form of the results
    #[arg(short, long, value_name = "FORM", default_value = "md")]
    pub output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Md,
    Json,
    Jsonl,
    Csv,
}

/// A list of counts, as one flag gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(Vec<u32>);

/// A prompt and the tokens generated after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair((u32, u32));

/// The values of a parameter, as one flag gives them.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(pub Vec<Value>);

impl BenchArgs {
    /// The tests asked for.
    pub fn tests(&self) -> Tests {
        let all = |lists: &[Counts]| lists.iter().flat_map(|list| list.0.clone()).collect();
        Tests {
            n_prompt: all(&self.n_prompt),
            n_gen: all(&self.n_gen),
            pairs: self.pg.iter().map(|pair| pair.0).collect(),
            n_depth: all(&self.n_depth),
        }
    }
}

impl Counts {
    fn parse(text: &str) -> Result<Self, ListError> {
        bench::counts(text).map(Self)
    }
}

impl Pair {
    fn parse(text: &str) -> Result<Self, ListError> {
        bench::pair(text).map(Self)
    }
}

impl From<Output> for Format {
    fn from(output: Output) -> Self {
        match output {
            Output::Md => Format::Markdown,
            Output::Json => Format::Json,
            Output::Jsonl => Format::JsonLines,
            Output::Csv => Format::Csv,
        }
    }
}
