# The shell scripts that run on proxy hosts, as C++ string literals. Each `. ./parts/NAME.sh` becomes the text of that
# part. The scripts travel with every command, and a shell reads them byte by byte, so lines that are only a comment are
# left out, and the blanks at the beginning of a line.
function(bgdeploy_script file variable)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(REGEX REPLACE "(^|\n)([ \t]*#[^\n]*\n)+" "\\1" text "${text}")
  string(REGEX REPLACE "(^|\n)[ \t]+" "\\1" text "${text}")
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

set(folder ${CMAKE_CURRENT_LIST_DIR})
foreach(script observe switch recover drain)
  bgdeploy_script(${folder}/${script}.sh text)
  string(REGEX MATCHALL "\\. \\./parts/[a-z_]+\\.sh\n" parts "${text}")
  foreach(part IN LISTS parts)
    string(REGEX REPLACE "\\. \\./(.*)\n" "\\1" name "${part}")
    bgdeploy_script(${folder}/${name} part_text)
    string(REPLACE "${part}" "${part_text}" text "${text}")
  endforeach()
  set(script_${script} "${text}")
endforeach()
configure_file(${folder}/scripts.hpp.in ${CMAKE_CURRENT_BINARY_DIR}/proxy/scripts.hpp @ONLY)
target_include_directories(bgdeploy_proxy PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/proxy)
