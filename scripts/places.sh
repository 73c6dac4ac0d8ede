# shellcheck shell=bash disable=SC2034 # what is set here, others read
# Where scripts/install puts what, which scripts/uninstall must know too. Sourced after setup.sh, never run.

# Sets where each thing goes. With /usr/local or /usr, configuration and log are those of the machine; with any other
# prefix all is below it. `usage` is the script's own.
read_places() { # [--prefix FOLDER | --help]
  prefix=/usr/local
  while (($#)); do
    case $1 in
    --help | -h)
      usage
      exit
      ;;
    --prefix)
      (($# > 1)) || fail "--prefix: its value is missing: give a FOLDER"
      prefix=$2
      shift
      ;;
    --prefix=*) prefix=${1#*=} ;;
    *) fail "\"$1\" is unknown: the options are --prefix FOLDER and --help" ;;
    esac
    shift
  done
  [[ $prefix == /* && $prefix != *[[:space:]\|\&\\]* ]] || fail "--prefix \"$prefix\": give an absolute path without blanks"
  prefix=${prefix%/}
  case $prefix in
  /usr | /usr/local) machine= ;;
  *) machine=$prefix ;;
  esac
  program=$prefix/sbin/lisod
  manual=$prefix/share/man/man8/lisod.8
  config_manual=$prefix/share/man/man5/lisod.conf.5
  share=$prefix/share/lisod
  unit=$prefix/lib/systemd/system/lisod.service
  socket_unit=$prefix/lib/systemd/system/lisod.socket
  site=$share/www
  config=$machine/etc/lisod.conf
  rotation=$machine/etc/logrotate.d/lisod
  logs=$machine/var/log/lisod
  log=$logs/lisod.log
  run=$machine/run/lisod
  lock=$run/lisod.pid
  readonly prefix machine program manual config_manual share site unit socket_unit config rotation logs log run lock
}

# Text with the places of the machine in it, from standard input, with those of this installation.
fill_places() {
  replace_places "$prefix" "$machine"
}

# The same for a manual page, where "\-" is the "-" that a terminal shows.
fill_manual_places() {
  replace_places "${prefix//-/'\\-'}" "${machine//-/'\\-'}"
}

replace_places() { # PREFIX MACHINE, as sed(1) writes them
  # In a manual page a path may follow the name of its font.
  local before='(^\|\\f[BIR]\|[^[:alnum:]/])'
  sed -E "s|/usr/local\>|$1|g; s|$before/(etc/lisod\|var/log/lisod\|run/lisod)|\1$2/\2|g"
}

# Whether this is about the machine's own service, and not about a folder of somebody's.
is_machine() {
  [[ -z $machine ]]
}

has_systemd() {
  is_machine && [[ -d /run/systemd/system ]]
}
