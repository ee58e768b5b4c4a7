(* SPDX-License-Identifier: ISC *)
(* What tests/bench/threads.c measures, in Lwt: a sleeping thread is Lwt_unix.sleep's promise. *)

let batch = 1000
let rounds = 5000

let resident_bytes () =
  let file = open_in "/proc/self/statm" in
  let resident = Scanf.sscanf (input_line file) "%d %d" (fun _ pages -> pages) in
  close_in file;
  float_of_int (resident * 4096)

let say name value = Printf.printf "%s %.4f\n%!" name value
let per_step seconds = seconds *. 1e9 /. float_of_int batch /. float_of_int rounds

(* Sleeps until all can have woken, then on until all have. *)
let sleep count =
  Gc.compact ();
  let before = resident_bytes () in
  let random = Random.State.make [| 1 |] in
  let cpu = Sys.time () and start = Unix.gettimeofday () in
  let threads = Array.make count Lwt.return_unit in
  for i = 0 to count - 1 do
    threads.(i) <- Lwt_unix.sleep (0.5 +. Random.State.float random 1.0)
  done;
  let made = Sys.time () in
  let resident = resident_bytes () -. before in
  let pending promise = Lwt.state promise = Lwt.Sleep in
  Lwt_main.run (Lwt_unix.sleep 1.5);
  while Array.exists pending threads do Lwt_main.run (Lwt_unix.sleep 0.001) done;
  say "sleep_seconds" (Unix.gettimeofday () -. start);
  say "sleep_make_seconds" (made -. cpu);
  say "sleep_wake_seconds" (Sys.time () -. made);
  say "sleep_bytes" (resident /. float_of_int count)

let bind () =
  let start = Sys.time () in
  for _ = 1 to rounds do
    let source, wakener = Lwt.wait () in
    let last = ref source in
    for _ = 1 to batch do
      last := Lwt.bind !last (fun value -> Lwt.return (value + 1))
    done;
    Lwt.wakeup wakener 0;
    assert (Lwt.state !last = Lwt.Return batch)
  done;
  say "bind_ns" (per_step (Sys.time () -. start))

let wake () =
  let woken = ref 0 and total = ref 0.0 in
  for _ = 1 to rounds do
    let wakeners = Array.init batch (fun _ ->
      let promise, wakener = Lwt.wait () in
      Lwt.on_success promise (fun _ -> incr woken);
      wakener) in
    let start = Sys.time () in
    Array.iteri (fun i wakener -> Lwt.wakeup wakener i) wakeners;
    total := !total +. Sys.time () -. start
  done;
  assert (!woken = batch * rounds);
  say "wake_ns" (per_step !total)

let () =
  let name = if Lwt_config._HAVE_LIBEV then "libev" else "select" in
  Printf.printf "about Lwt over %s, OCaml %s\n" name Sys.ocaml_version;
  sleep (if Array.length Sys.argv > 1 then int_of_string Sys.argv.(1) else 1_000_000);
  bind ();
  wake ()
