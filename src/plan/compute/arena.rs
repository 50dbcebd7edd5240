//! ggml's allocator of computation buffers, run on sizes alone.
//!
//! After `ggml_dyn_tallocr` and `ggml_gallocr_alloc_graph_impl` in `ggml-alloc.c`: a graph's
//! results are placed one after the other, each into the free block that fits it best, and a
//! result's block is free again after its last use. The highest end is the buffer's size.

/// ggml aligns every tensor to at least this many bytes (`TENSOR_ALIGNMENT`).
const ALIGNMENT: u64 = 64;

/// Number of a node in a [`Graph`].
pub type Id = usize;

/// Results of operations, in the order in which they are computed.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    bytes: u64,
    device: usize,
    kind: Kind,
    sources: Vec<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Given from outside, so it has its place before anything is computed.
    Input,
    Result,
    /// May take the place of a source of its size that nothing else needs.
    InPlace,
    /// A look at part or all of another node; takes nothing.
    View(Id),
}

impl Graph {
    pub fn input(&mut self, device: usize, bytes: u64) -> Id {
        self.push(device, bytes, Kind::Input, &[])
    }

    pub fn result(&mut self, device: usize, bytes: u64, sources: &[Id]) -> Id {
        self.push(device, bytes, Kind::Result, sources)
    }

    /// An operation of `ggml_op_can_inplace`.
    pub fn in_place(&mut self, device: usize, bytes: u64, sources: &[Id]) -> Id {
        self.push(device, bytes, Kind::InPlace, sources)
    }

    pub fn view(&mut self, of: Id) -> Id {
        let Node { device, bytes, .. } = self.nodes[of];
        let whole = match self.nodes[of].kind {
            Kind::View(whole) => whole,
            _ => of,
        };
        self.push(device, bytes, Kind::View(whole), &[of])
    }

    pub fn bytes(&self, of: Id) -> u64 {
        self.nodes[of].bytes
    }

    pub fn device(&self, of: Id) -> usize {
        self.nodes[of].device
    }

    /// Uses a node without a result of its own: a copy into the cache.
    pub fn store(&mut self, of: Id) {
        let device = self.nodes[of].device;
        self.push(device, 0, Kind::Result, &[of]);
    }

    fn push(&mut self, device: usize, bytes: u64, kind: Kind, sources: &[Id]) -> Id {
        self.nodes.push(Node {
            bytes: bytes.checked_next_multiple_of(ALIGNMENT).unwrap_or(bytes),
            device,
            kind,
            sources: sources.to_vec(),
        });
        self.nodes.len() - 1
    }

    /// Bytes of the buffer of each device.
    pub fn buffers(&self, devices: usize) -> Vec<u64> {
        Run::new(self, devices).run()
    }
}

/// What the allocator knows of a node.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    children: u32,
    views: u32,
    /// Where it lies, if it has a place of its own.
    place: Option<u64>,
    /// Bytes there: those of the node, or of the source whose place it took.
    bytes: u64,
}

struct Run<'a> {
    graph: &'a Graph,
    states: Vec<State>,
    arenas: Vec<Arena>,
}

impl<'a> Run<'a> {
    fn new(graph: &'a Graph, devices: usize) -> Self {
        Self {
            graph,
            states: vec![State::default(); graph.nodes.len()],
            arenas: vec![Arena::default(); devices],
        }
    }

    fn run(mut self) -> Vec<u64> {
        for node in &self.graph.nodes {
            if let Kind::View(whole) = node.kind {
                self.states[whole].views += 1;
            }
            for source in &node.sources {
                self.states[*source].children += 1;
            }
        }
        for (id, node) in self.graph.nodes.iter().enumerate() {
            if node.kind == Kind::Input {
                self.allocate(id);
            }
        }
        for (id, node) in self.graph.nodes.iter().enumerate() {
            match node.kind {
                Kind::Input | Kind::View(_) => {}
                Kind::InPlace if self.take_over(id, node) => {}
                Kind::InPlace | Kind::Result => self.allocate(id),
            }
            for source in &node.sources {
                self.release(*source);
            }
        }
        self.arenas.iter().map(|arena| arena.end).collect()
    }

    fn allocate(&mut self, id: Id) {
        let node = &self.graph.nodes[id];
        let place = self.arenas[node.device].take(node.bytes);
        self.states[id].place = Some(place);
        self.states[id].bytes = node.bytes;
    }

    /// Puts a result where a source lies.
    fn take_over(&mut self, id: Id, node: &Node) -> bool {
        for &source in &node.sources {
            let before = &self.graph.nodes[source];
            if before.device != node.device
                || self.states[source].children != 1
                || self.states[source].views != 0
            {
                continue;
            }
            let owner = match before.kind {
                Kind::View(whole) => {
                    let state = self.states[whole];
                    if state.views != 1 || state.children != 0 {
                        continue;
                    }
                    whole
                }
                _ if before.bytes != node.bytes => continue,
                _ => source,
            };
            let State { place, bytes, .. } = self.states[owner];
            let Some(place) = place.filter(|_| bytes >= node.bytes) else {
                continue;
            };
            self.states[owner].place = None;
            self.states[id].place = Some(place);
            self.states[id].bytes = node.bytes;
            self.arenas[node.device]
                .give_back(place.saturating_add(node.bytes), bytes - node.bytes);
            return true;
        }
        false
    }

    fn release(&mut self, source: Id) {
        let state = &mut self.states[source];
        state.children -= 1;
        if state.children > 0 || state.views > 0 {
            return;
        }
        match self.graph.nodes[source].kind {
            Kind::View(whole) => {
                let state = &mut self.states[whole];
                state.views -= 1;
                if state.views == 0 && state.children == 0 {
                    self.free(whole);
                }
            }
            _ => self.free(source),
        }
    }

    fn free(&mut self, id: Id) {
        let State { place, bytes, .. } = self.states[id];
        if let Some(place) = place {
            self.states[id].place = None;
            self.arenas[self.graph.nodes[id].device].give_back(place, bytes);
        }
    }
}

/// Free blocks in the order of their places; behind them everything is free.
#[derive(Clone, Debug, Default)]
struct Arena {
    free: Vec<(u64, u64)>,
    /// Where what was never used begins, after the last block in use.
    open: u64,
    end: u64,
}

impl Arena {
    fn take(&mut self, bytes: u64) -> u64 {
        let fits = self
            .free
            .iter()
            .enumerate()
            .filter(|(_, (_, size))| *size >= bytes);
        let best = fits.min_by_key(|(index, (_, size))| (*size, std::cmp::Reverse(*index)));
        let place = match best.map(|(index, _)| index) {
            Some(index) => {
                let (place, size) = &mut self.free[index];
                let taken = *place;
                *place += bytes;
                *size -= bytes;
                if *size == 0 {
                    self.free.remove(index);
                }
                taken
            }
            None => {
                let place = self.open;
                self.open = self.open.saturating_add(bytes);
                place
            }
        };
        self.end = self.end.max(place.saturating_add(bytes));
        place
    }

    fn give_back(&mut self, place: u64, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let at = self.free.partition_point(|(start, _)| *start < place);
        self.free.insert(at, (place, bytes));
        let joins = |blocks: &[(u64, u64)], at: usize| {
            blocks[at].0.saturating_add(blocks[at].1) == blocks[at + 1].0
        };
        if at + 1 < self.free.len() && joins(&self.free, at) {
            self.free[at].1 += self.free.remove(at + 1).1;
        }
        if at > 0 && joins(&self.free, at - 1) {
            self.free[at - 1].1 += self.free.remove(at).1;
        }
        if let Some((start, size)) = self.free.last().copied()
            && start.saturating_add(size) >= self.open
        {
            self.open = start;
            self.free.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_place_is_used_again_after_the_last_use() {
        let mut graph = Graph::default();
        let input = graph.input(0, 640);
        let first = graph.result(0, 1280, &[input]);
        let second = graph.result(0, 1280, &[first]);
        let third = graph.result(0, 1280, &[second]);
        graph.store(third);
        assert_eq!(graph.buffers(1), [640 + 2 * 1280]);
    }

    #[test]
    fn an_operation_in_place_takes_nothing_unless_its_source_is_needed() {
        let sum = |again: bool| {
            let mut graph = Graph::default();
            let input = graph.input(0, 64);
            let product = graph.result(0, 128, &[input]);
            let scaled = graph.in_place(0, 128, &[product]);
            if again {
                graph.store(product);
            }
            graph.store(scaled);
            graph.buffers(1)[0]
        };
        assert_eq!((sum(false), sum(true)), (192, 320));
    }

    #[test]
    fn views_keep_what_they_show() {
        let mut graph = Graph::default();
        let whole = graph.input(0, 256);
        let part = graph.view(whole);
        let half = graph.result(0, 128, &[part]);
        let next = graph.result(0, 128, &[half]);
        graph.store(next);
        assert_eq!(graph.buffers(1), [256 + 128]);
    }

    #[test]
    fn devices_have_buffers_of_their_own() {
        let mut graph = Graph::default();
        let input = graph.input(0, 64);
        let there = graph.result(1, 128, &[input]);
        graph.store(there);
        assert_eq!(graph.buffers(2), [64, 128]);
    }

    proptest! {
        #[test]
        fn a_buffer_holds_the_largest_and_at_most_the_sum(sizes in prop::collection::vec(1u64..5000, 1..40)) {
            let mut graph = Graph::default();
            let mut last = graph.input(0, 64);
            for bytes in &sizes {
                last = graph.result(0, *bytes, &[last]);
            }
            let aligned = |bytes: &u64| bytes.next_multiple_of(ALIGNMENT);
            let buffer = graph.buffers(1)[0];
            prop_assert!(buffer >= sizes.iter().map(aligned).max().unwrap_or(0));
            prop_assert!(buffer <= 64 + sizes.iter().map(aligned).sum::<u64>());
        }
    }
}
