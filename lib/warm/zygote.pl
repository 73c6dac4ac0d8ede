# What a Perl interpreter runs before it compiles a CGI script, to answer that script's requests by fork(2): see zygote.ts, and
# zygote.py for what is said on descriptor 3. Each child returns from here, and Perl compiles and runs the script as always.
package Lisod::Zygote;
use strict;
use warnings;

my $own_inc = join "\0", sort keys %INC;
my $SEPARATOR = "\x1f";
my $MOST_BYTES = 1 << 18;
my $MOST_PART = 30000;

# Of x86-64 and arm64. Descriptors are opened and closed by the system's calls alone: a handle of Perl's takes a child some 10 pages.
my $machine = do {
    open my $file, '<', '/proc/self/exe' or die "Cannot open /proc/self/exe: $!";
    sysread $file, my $head, 20;
    unpack 'x18 S', $head;
};
my %NUMBERS = (
    62 => {
        read => 0, write => 1, close => 3, rt_sigprocmask => 14, recvmsg => 47, setsid => 112, openat => 257, signalfd4 => 289,
        dup3 => 292, prlimit64 => 302, memfd_create => 319,
    },
    183 => {
        read => 63, write => 64, close => 57, rt_sigprocmask => 135, recvmsg => 212, setsid => 157, openat => 56, signalfd4 => 74,
        dup3 => 24, prlimit64 => 261, memfd_create => 279,
    },
);
my $O_CLOEXEC = 02000000;
my $AT_FDCWD = -100;
my ($SIG_BLOCK, $SIG_UNBLOCK, $SIGCHLD, $RLIMIT_CPU) = (0, 1, 17, 0);
my $number = $NUMBERS{$machine};

sub call {    # with the arguments themselves: what the system writes would be in a copy
    my $name = shift;
    return syscall $number->{$name}, @_;
}

sub address { return unpack 'J', pack 'P', $_[0] }

sub own_string {    # of that many bytes, shared with no other value
    my $text = "\0" x $_[0];
    substr $text, 0, 1, "\0";
    return $text;
}

sub say_it {
    my $text = join "\0", @_;
    utf8::encode($text) if utf8::is_utf8($text);
    call('write', 3, $text, length $text);
    return;
}

sub refuse { say_it('refuse', $_[0]); require_exit(0); return }

sub require_exit {    # without END blocks, of which there may be some
    untie $$;
    kill 'KILL', $$;
    sleep 1 while 1;
}

if (!$number) {
    open my $control, '>&=', 3 or die "Descriptor 3: $!";
    syswrite $control, "refuse\0its processor is neither x86-64 nor arm64";
    require_exit();
}

sub move {    # dup2(2)
    my ($from, $to) = @_;
    return if $from == $to;
    call('dup3', $from, $to, 0) >= 0 or die "dup3: $!";
    return;
}

sub close_number { call('close', $_[0]); return }

sub open_as {    # the file, for reading, as that descriptor
    my ($to, $path, $flags) = @_;
    my $opened = call('openat', $AT_FDCWD, $path, $O_CLOEXEC);
    die "$path: $!" if $opened < 0;
    call('dup3', $opened, $to, $flags) >= 0 or die "dup3: $!";
    close_number($opened);
    return;
}

sub open_null { open_as(0, '/dev/null', 0); return }
open_null();

my @lines;
my ($script, $cpu);
while (1) {
    my $message = own_string($MOST_BYTES);
    my $count = call('read', 3, $message, $MOST_BYTES);
    require_exit() if $count <= 0;
    my ($kind, @fields) = split /\0/, substr($message, 0, $count), -1;
    if ($kind eq 'load') { push @lines, map { [split /$SEPARATOR/, $_, -1] } @fields }
    else                 { ($script, $cpu) = @fields; last }
}

# The descriptor of the script, whose position all processes would share.
my ($script_number) = grep { (readlink "/proc/self/fd/$_" // '') eq (real_path($script) // '') } 3 .. 20;

sub real_path {
    my ($path) = @_;
    open my $file, '<', $path or return;
    return readlink '/proc/self/fd/' . fileno $file;
}

refuse('it cannot be read') if !defined $script_number;

my $folder = $script =~ m{^(.*)/} ? $1 : '/';
my $real_folder = real_path($script) =~ m{^(.*)/} ? $1 : '/';

sub is_own {
    my ($path) = @_;
    return 1 if $path !~ m{^/};    # below the working folder, which is the script's
    return scalar grep { index($path, "$_/") == 0 } $folder, $real_folder;
}

sub stamp {
    my @info = stat $_[0] or return '';
    return join ' ', @info[0, 1, 7, 9];
}

my %learned = map { $_->[1] => $_->[2] } grep { $_->[0] eq 'M' } @lines;
my @first_inc = @INC;
my %stamps;

sub watch {
    my ($path) = @_;
    $stamps{$path} = stamp($path) if !exists $stamps{$path};
    return;
}
watch($_) for $^X, $script, grep({ !ref } values %INC, values %learned);
watch($_) for grep { !ref && !is_own("$_/") } @INC, map { @{$_}[1 .. $#{$_}] } grep { $_->[0] eq 'P' } @lines;

sub find_change {
    for my $path (keys %stamps) { return $path if stamp($path) ne $stamps{$path} }
    return;
}

sub names_of {
    opendir my $handle, $_[0] or return;
    return grep { /^[0-9]+$/ } readdir $handle;
}

sub descriptors { return join "\n", map { "$_ " . (readlink("/proc/self/fd/$_") // '') } grep { $_ != $script_number } names_of('/proc/self/fd') }

sub signals {    # which the system ignores, and which have handlers; and Perl's own two
    open my $status, '<', '/proc/self/status' or die "/proc/self/status: $!";
    return join '', grep({ /^Sig(?:Ign|Cgt):/ } <$status>), map { defined $SIG{$_} ? "$_ $SIG{$_}\n" : () } '__WARN__', '__DIE__';
}

sub place { return join "\0", readlink('/proc/self/cwd') // '', @ARGV }

# Importing. A module that does what the process would have to undo for each child is left out, and so each child's own.
my $skipped = 0;
my %base = %ENV;
my $before = descriptors();
my $sink_name = "lisod\0";
my $sink = call('memfd_create', $sink_name, 1);
die "memfd_create: $!" if $sink < 0;
open my $sink_handle, '<&=', $sink or die "memfd: $!";
open my $real_out, '>&', \*STDOUT or die "Standard output: $!";
open my $real_err, '>&', \*STDERR or die "Standard error: $!";
move($sink, 1);
move($sink, 2);
$before = descriptors();
my ($first_signals, $first_place) = (signals(), place());
my @expected_inc = @INC;
my %known_inc = map { $_ => 1 } keys %INC;
my %origins = map { $_->[2] => 1 } grep { $_->[0] eq 'M' || $_->[0] eq 'L' } @lines;

# Of this seed the first number is known: where another one comes, somebody has drawn one, or begun anew. Children begin anew.
my $SEED = 1;
srand $SEED;
my $first_number = rand;
srand $SEED;

# Told when somebody asks for $$, which is another in each child.
my $asked_count = 0;
sub TIESCALAR { return bless [] }
sub FETCH     { $asked_count++; return 0 }
tie $$, __PACKAGE__;

sub find_fault {    # with what was imported since the last call
    my $number = rand;
    srand $SEED;
    return 'it draws random numbers' if $number != $first_number;
    return 'it asks for its process id' if $asked_count > 0;
    my $threads = () = names_of('/proc/self/task');
    return 'it starts threads' if $threads > 1;
    return 'it opens or closes descriptors' if descriptors() ne $before;
    return 'it writes to standard output or error' if -s $sink_handle;
    return 'it changes what becomes of signals, warnings or errors' if signals() ne $first_signals;
    return 'it changes the working folder or @ARGV' if place() ne $first_place;
    return 'it changes @INC' if "@INC" ne "@expected_inc";
    return 'it leaves a process' if waitpid(-1, 1) >= 0;
    for my $name (grep { !$known_inc{$_} } sort keys %INC) {
        $known_inc{$name} = 1;
        my $file = $INC{$name};
        next if !defined $file || ref $file || !-e $file;
        return "it imports \"$file\" of the script's folder" if is_own($file);
        return "it imports \"$file\" where the script does not" if !$origins{$file};
    }
    return;
}

for my $line (@lines) {
    my ($kind, $name, $file) = @{$line};
    if ($kind eq 'P') { @INC = @expected_inc = @{$line}[1 .. $#{$line}]; next }
    next if $kind ne 'M' || exists $INC{$name};
    my ($found) = grep { -f } map { "$_/$name" } grep { !ref } @INC;
    if (!defined $found || $found ne $file) { $skipped++; next }
    my $is_loaded = do { local ($@, $_); eval { require $name; 1 } };
    my $fault = $is_loaded ? find_fault() : 'it cannot be loaded beforehand';
    if (defined $fault) {
        say_it('leave', $name, $fault);
        require_exit();
    }
}
untie $$;
@INC = @first_inc;
move(fileno $real_out, 1);
move(fileno $real_err, 2);
close $_ for $real_out, $real_err, $sink_handle;
my %added = map { $_ => $ENV{$_} } grep { !exists $base{$_} || $base{$_} ne $ENV{$_} } keys %ENV;
my @removed = grep { !exists $ENV{$_} } keys %base;
if (defined(my $changed = find_change())) { say_it('stale', $changed); require_exit() }

# Where children leave what they have learned.
my $notes = call('memfd_create', $sink_name, 1);
my $notes_path = "/proc/$$/fd/$notes";
my $zygote_pid = $$;

# Ends of children are told by a descriptor, so that none is missed between two calls.
my $mask = pack 'Q', 1 << ($SIGCHLD - 1);
call('rt_sigprocmask', $SIG_BLOCK, $mask, 0, 8);
my $ends = call('signalfd4', -1, $mask, 8, $O_CLOEXEC);
die "signalfd: $!" if $ends < 0;

# struct msghdr, struct iovec, and room for a control message.
my $request = own_string($MOST_BYTES);
my $ancillary = own_string(64);
my $iovec = pack 'JJ', address($request), $MOST_BYTES;
my ($MSG_CTRUNC, $MSG_TRUNC, $MSG_CMSG_CLOEXEC, $POINTER_AT) = (8, 0x20, 0x40000000, 48);

sub read_request {
    my $header = pack 'JIx4JJJJIx4', 0, 0, address($iovec), 1, address($ancillary), 64, 0;
    my $size = call('recvmsg', 3, $header, $MSG_CMSG_CLOEXEC);
    # Else the server has closed its end.
    return $!{EINTR} ? undef : $size if $size < 0;
    my $flags = unpack "x$POINTER_AT I", $header;
    my $length = unpack 'x40 J', $header;
    my @given;
    if ($length >= 20) {
        my $bytes = unpack 'J', $ancillary;
        @given = unpack "x16 i" . int(($bytes - 16) / 4), $ancillary;
    }
    return ($size, $flags, @given);
}

my $is_tainting = ${^TAINT};

sub set_environment {
    my (@variables) = @_;
    # As at the start of Perl: what comes from outside is not to be trusted where that is looked at.
    my $taint = $is_tainting ? substr($^X, 0, 0) : '';
    %ENV = ();
    for my $variable (@variables) {
        my ($name, $value) = split /=/, $variable, 2;
        $ENV{$name} = $value . $taint;
    }
    delete @ENV{@removed};
    $ENV{$_} = $added{$_} for keys %added;
    return;
}

sub be_child {
    my ($size, @given) = @_;
    call('setsid');
    close_number($_) for $ends, $notes;
    call('rt_sigprocmask', $SIG_UNBLOCK, $mask, 0, 8);
    my (undef, $id, $has_input, $folder, $count, @rest) = split /\0/, substr($request, 0, $size), -1;
    my @words = splice @rest, 0, $count;
    chdir $folder or die "chdir: $!";
    if ($has_input ne '1') { open_null() }
    else                   { move(shift @given, 0) }
    move($given[0], 1);
    move($given[1], 2);
    # What the request has come in is the script's to close, but not to find.
    close_number($_) for grep { $_ > 2 } unpack_given($ancillary);
    open_as($script_number, $script, $O_CLOEXEC);
    set_environment(@rest);
    if ($cpu ne '') {
        my $limit = pack 'QQ', $cpu, $cpu;
        call('prlimit64', 0, $RLIMIT_CPU, $limit, 0);
    }
    my $taint = $is_tainting ? substr($^X, 0, 0) : '';
    @ARGV = map { $_ . $taint } @words[1 .. $#words];
    $^T = time;
    srand;
    say_it('started', $id, $$);
    close_number(3);
    return;
}

sub unpack_given {
    my $bytes = unpack 'J', $_[0];
    return unpack "x16 i" . int(($bytes - 16) / 4), $_[0];
}

sub tell_learned {
    my ($known) = @_;
    return if getppid() != $zygote_pid;
    my @names = grep { !$known->{$_} && defined $INC{$_} && !ref $INC{$_} && !is_own($INC{$_}) && -f $INC{$_} } sort keys %INC;
    return if !@names || grep { ref } @INC;
    my @texts = (['P', @INC], map { ['M', $_, $INC{$_}] } @names);
    my $text = join '', map { "$_\0" } map { join $SEPARATOR, @{$_} } @texts;
    sysopen my $file, $notes_path, 1 | 02000 or return;    # O_WRONLY, O_APPEND
    syswrite $file, $text;
    close $file;
    return;
}

sub pass_notes {
    open my $file, '+<', $notes_path or return;
    my $size = -s $file or return;
    sysread $file, my $text, 1 << 20;
    truncate $file, 0;
    $text =~ /(.*)/s;
    my ($path, $length, @part) = ('', 0);    # each part says what @INC was
    for my $line (split /\0/, $1) {
        $path = $line if $line =~ /^P/;
        if ($length + length $line > $MOST_PART) {
            say_it('learned', @part);
            ($length, @part) = (length $path, $path);
        }
        push @part, $line;
        $length += 1 + length $line;
    }
    say_it('learned', @part);
    return;
}

my $ended = own_string(128 * 16);

sub reap {
    call('read', $ends, $ended, length $ended);
    while ((my $pid = waitpid -1, 1) > 0) {
        my $status = $?;
        pass_notes();
        say_it('ended', $pid, $status);
    }
    return;
}

my $looked = time;

sub answer {    # true in the child
    my ($size, $flags, @given) = @_;
    my (undef, $id, $has_input) = split /\0/, substr $request, 0, 17;
    if ($flags & ($MSG_CTRUNC | $MSG_TRUNC) || @given != ($has_input eq '1' ? 3 : 2)) {
        say_it('no', $id, 'it has no descriptors left');
        return;
    }
    if (time - $looked > 1) {
        if (defined(my $changed = find_change())) {
            say_it('stale', $changed);
            say_it('no', $id, 'stale');
            return;
        }
        $looked = time;
    }
    my $pid = fork;
    if (!defined $pid) {
        say_it('no', $id, "$!");
        return;
    }
    return if $pid;
    if (!eval { be_child($size, @given); 1 }) {
        say_it('no', $id, $@);
        require_exit();
    }
    return 1;
}

# Takes what is free here and there, so that what a child takes lies together: it pays for each page that it is the first to write to.
our @taken;

sub take_scattered {
    push @taken, ('x') x 3000, map { 'x' x (8 * $_) } (1 .. 64) x 4;
    return;
}

sub serve {    # apart from what comes before, which is gone by then: a child would have to clear it away
    take_scattered();
    my $wanted = '';
    vec($wanted, 3, 1) = 1;
    vec($wanted, $ends, 1) = 1;
    while (1) {
        next if select(my $ready = $wanted, undef, undef, undef) < 1;
        reap() if vec $ready, $ends, 1;
        next if !vec $ready, 3, 1;
        my ($size, $flags, @given) = read_request();
        next if !defined $size;
        require_exit() if $size <= 0;
        last if answer($size, $flags, @given);
        # What a client sent stays in no memory that the next child gets.
        substr $request, 0, $size, "\0" x $size;
        close_number($_) for @given;
    }
    $SIG{CHLD} = 'DEFAULT';
    delete $SIG{CHLD};
    return;
}

# The first of these that Perl meets is the last that it runs. Compiled once; the zygote itself runs none.
our %known = map { $_ => 1 } keys %INC;
eval 'END { local ($?, $!, $@); tell_learned(\%known) }';
say_it('ready', scalar(keys %INC) - (() = split /\0/, $own_inc), 0, $skipped);
1;
