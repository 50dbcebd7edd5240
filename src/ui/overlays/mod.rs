//! What lies over the panes; one at a time, in the middle, with everything below cleared.

mod ask;
pub mod help;
mod list;
mod prompt;
mod sessions;

use ratatui::layout::Rect;

use super::painter::Painter;
use super::text::units;
use crate::app::{Overlay, State};

/// Draws the open overlay, if any.
pub fn draw(painter: &mut Painter<'_>, screen: Rect, state: &State) {
    match &state.overlay {
        None => {}
        Some(Overlay::Help { top }) => help::draw(painter, screen, state, *top),
        Some(Overlay::Palette(list)) => list::draw(painter, screen, "Commands", list),
        Some(Overlay::Presets(list)) => list::draw(painter, screen, "Presets", list),
        Some(Overlay::Themes(list)) => list::draw(painter, screen, "Themes", list),
        Some(Overlay::Personas(list)) => list::draw(painter, screen, "Personas", list),
        Some(Overlay::Tree(list)) => list::draw(painter, screen, "Versions", list),
        Some(Overlay::Ask(ask)) => ask::draw(painter, screen, ask),
        Some(Overlay::Sessions(list)) => sessions::draw(painter, screen, list),
        Some(Overlay::Resume(list)) => sessions::draw_offer(painter, screen, list),
        Some(Overlay::Why(list)) => {
            let question = "What holds it back, the most costly first. Enter does what mends it.";
            list::draw_choices(painter, screen, "Why is it slow?", question, list);
        }
        Some(Overlay::LoadModel(prompt)) => prompt::draw(painter, screen, state, prompt),
        Some(Overlay::Attach(offer)) => {
            list::draw_choices(painter, screen, "Attach", &offer.question, &offer.list);
        }
        Some(Overlay::TemplateFailed(list)) => {
            let question = "The chat template could not make the prompt; the transcript says why. Use another?";
            list::draw_choices(painter, screen, "Chat template", question, list);
        }
        Some(Overlay::ContextFull(list)) => {
            let size = state
                .model
                .running
                .as_ref()
                .map(|(_, context)| context.n_ctx);
            let size = size
                .map(|n_ctx| format!(" of {} tokens", units::count(u64::from(n_ctx))))
                .unwrap_or_default();
            list::draw_choices(
                painter,
                screen,
                "Context full",
                &format!("The context{size} is full. How to go on?"),
                list,
            );
        }
    }
}
