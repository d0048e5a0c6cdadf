//! temporary main
use pcap_flows::engine::*;
use pcap_flows::{jobs::stats::Stats, output::table};
use std::io::Write;
fn main() {
    let mut config = Config::default();
    let mut format = table::Format::Text;
    let mut stats = None;
    let mut display = true;
    let mut sources = vec![];
    let mut args = std::env::args().skip(1);
    while let Some(a) = args.next() {
        match a.as_str() {
            "--flow-5tuple" => config.five_tuple = true,
            "--decap" => config.decode.decap = true,
            "--disable-display" => display = false,
            "--bidirectional" => config.conversations = true,
            "--threads" => config.tuning.threads = args.next().unwrap().parse().unwrap(),
            "--format" => format = match args.next().unwrap().as_str() { "csv" => table::Format::Csv, "json" => table::Format::Json, _ => table::Format::Text },
            "--stats" => stats = args.next(),
            "-" => sources.push(Source::Reader("stdin".into(), Box::new(std::io::stdin()))),
            p => sources.push(Source::Path(p.into())),
        }
    }
    let watch = Stopwatch::start();
    let progress = Progress::default();
    let outcome = match run(&config, sources, &mut (), &progress) { Ok(o) => o, Err(e) => { eprintln!("{e}"); std::process::exit(1) } };
    eprintln!("{} {} flows {:?}", outcome.balance, outcome.flows.len(), watch.elapsed());
    for i in &outcome.inputs { for d in &i.damages { eprintln!("{d}") } }
    if let Some(p) = stats { std::fs::write(p, Stats::new(&outcome, watch.elapsed()).to_json()).unwrap(); }
    if display {
        let mut order = table::Order::default();
        if format != table::Format::Text { order.sort = table::Sort::Id; }
        let options = table::TableOptions { format, order, ..Default::default() };
        let mut out = std::io::stdout().lock();
        table::write(&outcome.flows, &options, &mut out, &|e| panic!("{e}")).unwrap();
        out.flush().unwrap();
    }
    eprintln!("total {:?}", watch.elapsed());
    if !outcome.is_whole() { std::process::exit(3) }
}
